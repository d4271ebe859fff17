import type { ReadPage } from '../read-page.js';

/** Index of the first item whose key is `key` or more, by binary search; `items.length` when there is none. */
export function firstAtOrAfter<T>(items: readonly T[], key: number, keyOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && keyOf(item) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One page of `items`, which are in ascending order of their keys. */
export function pageOf<T>(items: readonly T[], page: ReadPage, keyOf: (item: T) => number): T[] {
  if (page.direction === 'forwards') {
    const first = firstAtOrAfter(items, page.from, keyOf);
    return items.slice(first, first + page.limit);
  }
  const behindLast = firstAtOrAfter(items, page.from + 1, keyOf);
  return items.slice(Math.max(0, behindLast - page.limit), behindLast).reverse();
}
