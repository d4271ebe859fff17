import { LRUCache } from 'lru-cache';

/** The token {@link RateLimiters} are injected by. */
export const RATE_LIMITERS = Symbol('RateLimiters');

/**
 * A token bucket for each caller: a burst of up to a minute's allowance, then one at a time as it fills again.
 */
export interface RateLimiter {
  /** Takes one request from the caller's allowance. @returns 0, or the seconds until the next is free. */
  take(caller: string): Promise<number>;
}

export interface RateLimiters {
  /** Log-ins and registrations, by address. */
  readonly signIns: RateLimiter;
  /** Commands, by fan. */
  readonly commands: RateLimiter;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * Buckets of one process. Callers beyond the bound are forgotten, least recently seen first, and begin with a
 * full bucket again.
 */
export class InMemoryRateLimiter implements RateLimiter {
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

  async take(caller: string): Promise<number> {
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
    bucket.filledAtMs = Math.max(nowMs, bucket.filledAtMs);
    if (bucket.tokens < 1) return (1 - bucket.tokens) / perMs / 1000;
    bucket.tokens -= 1;
    return 0;
  }
}

/** Limits of this process alone. */
export function inMemoryRateLimiters(
  limits: {
    readonly signInsPerMinute: number;
    readonly commandsPerMinute: number;
    readonly maxRemembered: number;
  },
  nowMs: () => number,
): RateLimiters {
  const { signInsPerMinute, commandsPerMinute, maxRemembered } = limits;
  return {
    signIns: new InMemoryRateLimiter(signInsPerMinute, maxRemembered, nowMs),
    commands: new InMemoryRateLimiter(commandsPerMinute, maxRemembered, nowMs),
  };
}
