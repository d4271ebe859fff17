import { LRUCache } from 'lru-cache';
import type { Beginning, IdempotencyRecords, RecordedReply } from './port.js';

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
      // A day need not be exact: looking at the clock for every key would cost more than the keys.
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
