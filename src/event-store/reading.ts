import { maxReadCount, type Position, type ReadOptions, type RecordedEvent } from './port.js';

export interface ReadPage {
  readonly direction: 'forwards' | 'backwards';
  /** First revision or position to return, inclusive; ±Infinity for an end of the log. */
  readonly from: number;
  readonly limit: number;
}

/**
 * Fills in the defaults of a read.
 * @throws {RangeError} when the limit is outside 1 … {@link maxReadCount} or `from` is no revision or position.
 */
export function resolveRead(options: ReadOptions<number> = {}): ReadPage {
  const { direction = 'forwards', limit = maxReadCount } = options;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxReadCount) {
    throw new RangeError(`a read returns 1 to ${maxReadCount} events, not ${limit}`);
  }
  const from = options.from ?? (direction === 'forwards' ? 'start' : 'end');
  if (from === 'start') return { direction, from: Number.NEGATIVE_INFINITY, limit };
  if (from === 'end') return { direction, from: Number.POSITIVE_INFINITY, limit };
  if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`cannot read from ${from}`);
  return { direction, from, limit };
}

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

/**
 * Parses JSON into a deeply frozen value: recorded events are shared between readers, and history is not
 * to be edited.
 * @throws {SyntaxError} when `text` is not JSON.
 */
export function parseFrozen(text: string): unknown {
  const root: unknown = JSON.parse(text);
  // A list instead of recursion: the depth of stored JSON must not decide whether it can be read.
  const values = [root];
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Object.values(value)) {
      if (typeof child === 'object' && child !== null) values.push(child);
    }
    Object.freeze(value);
  }
  return root;
}
