import { maxReadCount, type Position, type ReadOptions, type RecordedEvent } from './port.js';

/**
 * Reads on until the end, a page at a time. Positions have gaps of unknown size, so each page is asked for from the
 * last event of the one before, which is left out.
 * @param read readAll, or readCategory of one category.
 */
export async function* pagesOf(
  read: (options: ReadOptions<Position>) => Promise<RecordedEvent[]>,
): AsyncGenerator<readonly RecordedEvent[]> {
  let last: Position | undefined;
  for (;;) {
    const page: RecordedEvent[] = await read({ from: last ?? 'start', limit: maxReadCount });
    const before = last;
    yield before === undefined ? page : page.filter(({ position }) => position > before);
    last = page.at(-1)?.position;
    if (page.length < maxReadCount) return;
  }
}
