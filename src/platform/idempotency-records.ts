import { LRUCache } from 'lru-cache';

/** The token {@link IdempotencyRecords} is injected by. */
export const IDEMPOTENCY_RECORDS = Symbol('IdempotencyRecords');

/** The first reply to a request. */
export interface RecordedReply {
  readonly status: number;
  /** JSON. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** Correlation id of the events that the reply reports; missing when it reports none. */
  readonly correlationId?: string | undefined;
}

export type Beginning =
  /** The key is new: run the request, then complete or abandon it. */
  | { readonly kind: 'started' }
  /** The first request with this key is still running. */
  | { readonly kind: 'in-flight' }
  /** The key belongs to a different request. */
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'replay'; readonly reply: RecordedReply };

/**
 * Remembers the first reply to each idempotency key, so that a retry gets the same answer without repeating the work.
 * It is not what prevents a second effect of a retry: the ids of events are derived from the key.
 */
export interface IdempotencyRecords {
  /**
   * Claims a key.
   * @param key made of fan, operation and idempotency key.
   * @param digest of the whole request.
   */
  begin(key: string, digest: string): Promise<Beginning>;
  /** Stores the reply of a request that began. */
  complete(key: string, digest: string, reply: RecordedReply): Promise<void>;
  /** Forgets a request that began and has no reply to keep: a retry runs again. */
  abandon(key: string): Promise<void>;
}

interface Entry {
  readonly digest: string;
  /** Undefined while the request runs. */
  readonly reply: RecordedReply | undefined;
}

/** Records of one process, bounded by number and age; a restart forgets them. */
export class InMemoryIdempotencyRecords implements IdempotencyRecords {
  readonly #entries: LRUCache<string, Entry>;

  /**
   * @param options.maxRecords most keys remembered; the least recently used go first.
   * @param options.ttlMs how long a key is remembered.
   * @param options.nowMs a clock in milliseconds, for tests.
   */
  constructor(options: {
    readonly maxRecords: number;
    readonly ttlMs: number;
    readonly nowMs?: () => number;
  }) {
    const { maxRecords, ttlMs, nowMs } = options;
    this.#entries = new LRUCache({
      max: maxRecords,
      ttl: ttlMs,
      // The lifetime may be inexact by a second: reading the clock for every key would cost more than the look-up.
      ...(nowMs === undefined ? { ttlResolution: 1_000 } : { perf: { now: nowMs }, ttlResolution: 0 }),
    });
  }

  async begin(key: string, digest: string): Promise<Beginning> {
    const entry = this.#entries.get(key);
    if (!entry) {
      this.#entries.set(key, { digest, reply: undefined });
      return { kind: 'started' };
    }
    if (entry.digest !== digest) return { kind: 'mismatch' };
    return entry.reply === undefined ? { kind: 'in-flight' } : { kind: 'replay', reply: entry.reply };
  }

  async complete(key: string, digest: string, reply: RecordedReply): Promise<void> {
    this.#entries.set(key, { digest, reply });
  }

  async abandon(key: string): Promise<void> {
    this.#entries.delete(key);
  }
}
