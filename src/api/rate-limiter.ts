import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type RedisLink, RedisScript } from '../platform/redis.js';

/** The token {@link RateLimiters} are injected by. */
export const RATE_LIMITERS = Symbol('RateLimiters');

/**
 * A token bucket for each caller: a burst of up to a minute's allowance, then one at a time as it fills again.
 */
export interface RateLimiter {
  /** Takes one request from the caller's allowance. @returns 0, or the seconds until the next is free. */
  take(caller: string): Promise<number>;
  /** Returns what {@link take} took. */
  giveBack(caller: string): Promise<void>;
}

export interface RateLimiters {
  /** Wrong passwords, by address. */
  readonly passwords: RateLimiter;
  /** Passwords that are checked, by login id or user. */
  readonly accounts: RateLimiter;
  /** Registrations, by address. */
  readonly registrations: RateLimiter;
  /** Refreshes of sessions, by address. */
  readonly refreshes: RateLimiter;
  /** Commands, by fan. */
  readonly commands: RateLimiter;
  /** Joinings, by address and queue. */
  readonly joins: RateLimiter;
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
   * @param burst requests that may come at once; default a minute's.
   */
  constructor(
    private readonly perMinute: number,
    maxRemembered: number,
    private readonly nowMs: () => number,
    private readonly burst = perMinute,
  ) {
    this.#buckets = new LRUCache({ max: maxRemembered });
  }

  async take(caller: string): Promise<number> {
    return this.takeNow(caller);
  }

  /** {@link take}, without a promise. @param cost how many requests it counts as; it is taken as a whole or not at all. */
  takeNow(caller: string, cost = 1): number {
    if (this.perMinute === 0) return 0;
    const bucket = this.#refilled(caller);
    const missing = Math.min(cost, this.burst) - bucket.tokens;
    if (missing > 0) return (missing * 60) / this.perMinute;
    bucket.tokens -= cost;
    return 0;
  }

  /** Whether the caller's allowance is used up. */
  isSpent(caller: string): boolean {
    // A caller who was never seen needs no bucket.
    return this.perMinute > 0 && this.#buckets.has(caller) && this.#refilled(caller).tokens < 1;
  }

  #refilled(caller: string): Bucket {
    const nowMs = this.nowMs();
    const known = this.#buckets.get(caller);
    if (!known) {
      const full = { tokens: this.burst, filledAtMs: nowMs };
      this.#buckets.set(caller, full);
      return full;
    }
    const refilled = known.tokens + (Math.max(0, nowMs - known.filledAtMs) * this.perMinute) / 60_000;
    known.tokens = Math.min(this.burst, refilled);
    known.filledAtMs = Math.max(nowMs, known.filledAtMs);
    return known;
  }

  async giveBack(caller: string): Promise<void> {
    const bucket = this.#buckets.get(caller);
    if (bucket) bucket.tokens = Math.min(this.burst, bucket.tokens + 1);
  }
}

/** Requests per minute of each limit; 0 switches it off. */
export interface RateLimits {
  readonly passwordsPerMinute: number;
  readonly passwordsPerMinuteOfAccount: number;
  readonly registrationsPerMinute: number;
  readonly refreshesPerMinute: number;
  readonly commandsPerMinute: number;
  /** Of one queue, by address. */
  readonly joinsPerMinute: number;
  /** Addresses, accounts and fans remembered by each; the least recently seen go first. */
  readonly maxRemembered: number;
}

const limitOf = {
  passwords: 'passwordsPerMinute',
  accounts: 'passwordsPerMinuteOfAccount',
  registrations: 'registrationsPerMinute',
  refreshes: 'refreshesPerMinute',
  commands: 'commandsPerMinute',
  joins: 'joinsPerMinute',
} as const satisfies Readonly<Record<keyof RateLimiters, keyof RateLimits>>;

function limitersOf(make: (name: keyof RateLimiters) => RateLimiter): RateLimiters {
  return {
    passwords: make('passwords'),
    accounts: make('accounts'),
    registrations: make('registrations'),
    refreshes: make('refreshes'),
    commands: make('commands'),
    joins: make('joins'),
  };
}

/** Limits of this process alone. */
export function inMemoryRateLimiters(limits: RateLimits, nowMs: () => number): RateLimiters {
  return limitersOf((name) => new InMemoryRateLimiter(limits[limitOf[name]], limits.maxRemembered, nowMs));
}

/**
 * Takes from a bucket. A missing bucket is full: it expires a minute after its last use. Its time never goes back, so
 * processes with different clocks do not refill it faster than one clock would. Redis returns whole numbers only: the
 * milliseconds to wait, rounded up.
 */
const take = new RedisScript(`
local size, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1] or size), tonumber(bucket[2] or now)
local perMs = size / 60000
tokens = math.min(size, tokens + math.max(0, now - at) * perMs)
local waitMs = 0
if tokens < 1 then waitMs = math.ceil((1 - tokens) / perMs) else tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', math.max(now, at))
redis.call('PEXPIRE', KEYS[1], 60000)
return waitMs
`);

/** Gives back to a bucket, unless it is missing and so full. */
const giveBack = new RedisScript(`
local tokens = tonumber(redis.call('HGET', KEYS[1], 'tokens'))
if tokens then
  local size = tonumber(ARGV[1])
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', math.min(size, tokens + 1)))
end
return 0
`);

/** Longest caller that is part of a key as it is. */
const maxPlainCaller = 64;

/** Buckets that all processes share; while Redis is away each process limits on its own. */
export class RedisRateLimiter implements RateLimiter {
  /**
   * @param name tells limiters apart.
   * @param perMinute requests of one caller; 0 lets everything through.
   * @param own this process's limiter, for while Redis is away.
   * @param nowMs a clock in milliseconds.
   */
  constructor(
    private readonly link: RedisLink,
    private readonly name: string,
    private readonly perMinute: number,
    private readonly own: RateLimiter,
    private readonly nowMs: () => number,
  ) {}

  async take(caller: string): Promise<number> {
    if (this.perMinute === 0) return 0;
    const key = this.#keyOf(caller);
    return this.link.attempt(
      async (client) => Number(await take.run(client, key, this.perMinute, this.nowMs())) / 1000,
      () => this.own.take(caller),
    );
  }

  async giveBack(caller: string): Promise<void> {
    if (this.perMinute === 0) return;
    const key = this.#keyOf(caller);
    await this.link.attempt(
      (client) => giveBack.run(client, key, this.perMinute),
      () => this.own.giveBack(caller),
    );
  }

  #keyOf(caller: string): string {
    const named = caller.length <= maxPlainCaller ? caller : hash('sha256', caller, 'base64');
    return this.link.key('rate', this.name, named);
  }
}

/** Limits that all processes share. */
export function redisRateLimiters(link: RedisLink, limits: RateLimits, nowMs: () => number): RateLimiters {
  const own = inMemoryRateLimiters(limits, nowMs);
  return limitersOf((name) => new RedisRateLimiter(link, name, limits[limitOf[name]], own[name], nowMs));
}
