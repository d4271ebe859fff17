import { maxReadCount, type ReadOptions } from './port.js';

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
