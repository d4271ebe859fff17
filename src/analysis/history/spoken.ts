import type { Instant } from '../../events/ids.js';

/** A moment in a sentence: `2026-11-22 09:05:00 UTC`, with the milliseconds when there are any. */
export function spoken(instant: Instant): string {
  return `${instant.slice(0, -1).replace('T', ' ').replace('.000', '')} UTC`;
}
