import {
  maxReadCount,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type SubscribeOptions,
} from './port.js';

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

const defaultBatchSize = 512;
const maxBatchSize = 4096;
const maxCategories = 64;

/**
 * Fills in the defaults of a subscription.
 * @throws {RangeError} when the batch size is outside 1 … 4096 or there are more than 64 categories.
 */
export function resolveSubscribe(
  options: SubscribeOptions,
): SubscribeOptions & { readonly batchSize: number } {
  const { categories, batchSize = defaultBatchSize } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1 || batchSize > maxBatchSize) {
    throw new RangeError(`a batch holds 1 to ${maxBatchSize} events, not ${batchSize}`);
  }
  if (categories !== undefined && categories.length > maxCategories) {
    throw new RangeError(`a filter takes up to ${maxCategories} categories`);
  }
  return { ...options, batchSize };
}

/**
 * Reads to the end of the log, a page at a time. Positions have gaps of unknown size, so each page begins at the last
 * event of the page before, which is left out.
 * @param read `readAll`, or `readCategory` of one category.
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
 * Parses JSON into a deeply frozen value: recorded events are shared between readers, so they must not be changed.
 * @throws {SyntaxError} when `text` is not JSON.
 */
export function parseFrozen(text: string): unknown {
  const root: unknown = JSON.parse(text);
  // A list instead of recursion: deeply nested JSON must not overflow the stack.
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
