import { LRUCache } from 'lru-cache';

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * A token bucket for each caller: a burst of up to a minute's allowance, then one at a time. Callers beyond
 * the bound are forgotten, least recently seen first, and begin with a full bucket again.
 */
export class RateLimiter {
  readonly #buckets: LRUCache<string, Bucket>;

  /**
   * @param perMinute requests of one caller; 0 lets everything through.
   * @param maxRemembered callers remembered.
   * @param nowMs a clock in milliseconds.
   */
  constructor(
    private readonly perMinute: number,
    maxRemembered: number,
    private readonly nowMs: () => number,
  ) {
    this.#buckets = new LRUCache({ max: maxRemembered });
  }

  /** Takes one request from the caller's allowance. Returns 0, or the seconds until the next is free. */
  take(caller: string): number {
    if (this.perMinute === 0) return 0;
    const nowMs = this.nowMs();
    let bucket = this.#buckets.get(caller);
    if (!bucket) {
      bucket = { tokens: this.perMinute, filledAtMs: nowMs };
      this.#buckets.set(caller, bucket);
    }
    const perMs = this.perMinute / 60_000;
    const refilled = bucket.tokens + Math.max(0, nowMs - bucket.filledAtMs) * perMs;
    bucket.tokens = Math.min(this.perMinute, refilled);
    bucket.filledAtMs = nowMs;
    if (bucket.tokens < 1) return (1 - bucket.tokens) / perMs / 1000;
    bucket.tokens -= 1;
    return 0;
  }
}
