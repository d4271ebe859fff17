import type { Clock } from '../platform/clock.js';
import { causeOf, type ProcessLog } from '../platform/failure-log.js';

/** How long a failing item is put off. */
export interface RetryDelays {
  /** After its first failure, ms; doubled with each further one. */
  readonly firstMs: number;
  /** At most, ms. */
  readonly maxMs: number;
}

/** Most failing items that are remembered. Beyond it the least recently used one is forgotten, and then tried as a new one. */
const maxItems = 10_000;
/** Failing items that are logged one by one; further ones are only counted. */
const maxReported = 20;
/** Causes for which the time of the last success is remembered. */
const maxCauses = 20;

interface FailingItem {
  readonly failures: number;
  readonly cause: string;
  readonly failedAtMs: number;
  readonly dueAtMs: number;
  /** When a run last asked for it or tried it. */
  readonly seenAtMs: number;
  readonly isReported: boolean;
}

/**
 * The failing items of one task. The pause before a retry grows with each failure, so that failing items take little time
 * from the others. An item is logged when it begins to fail and when it succeeds again, and is counted in between. When
 * one item succeeds, the others that failed for the same cause are due at once, since the cause may be gone.
 */
export class ItemBackOff {
  /** By key; the least recently used ones come first. */
  readonly #items = new Map<string, FailingItem>();
  /** By cause, when an item that had failed for it last succeeded. */
  readonly #endedAtMs = new Map<string, number>();
  #reported = 0;
  #isSilent = false;
  #failures = 0;

  constructor(
    private readonly name: string,
    private readonly delays: RetryDelays,
    private readonly clock: Pick<Clock, 'nowMs'>,
    private readonly log: ProcessLog,
    private readonly level: 'warn' | 'error' = 'error',
  ) {}

  /** Items that failed when they were last tried, and that are still asked for. */
  get failing(): number {
    this.#forgetUnseen();
    return this.#items.size;
  }

  /** Failures so far, of all items. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the item may be tried now: it has not failed lately. */
  isDue(key: string): boolean {
    const item = this.#items.get(key);
    if (!item) return true;
    const nowMs = this.clock.nowMs();
    this.#put(key, { ...item, seenAtMs: nowMs });
    // A clock that was set back must not put an item off for longer.
    const isTime = nowMs >= item.dueAtMs || nowMs < item.failedAtMs;
    return isTime || (this.#endedAtMs.get(item.cause) ?? Number.NEGATIVE_INFINITY) >= item.failedAtMs;
  }

  /** Says that an item was tried, due or not, and failed. */
  failed(key: string, error: unknown): void {
    this.#failures++;
    const before = this.#items.get(key);
    const nowMs = this.clock.nowMs();
    // A timer may try an item that is not due: its pause does not grow by that.
    const isEarly = before !== undefined && !this.isDue(key);
    const failures = isEarly ? before.failures : (before?.failures ?? 0) + 1;
    const delayMs = Math.min(this.delays.firstMs * 2 ** (failures - 1), this.delays.maxMs);
    const isReported = before?.isReported ?? this.#report(key, error, delayMs);
    const dueAtMs = isEarly ? before.dueAtMs : nowMs + delayMs;
    const cause = causeOf(error);
    this.#put(key, { failures, cause, failedAtMs: nowMs, dueAtMs, seenAtMs: nowMs, isReported });
    this.#forgetUnseen();
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= maxItems) break;
      this.#drop(oldest, 'an item that fails is forgotten, since too many do');
    }
  }

  /** Says that an item was tried and worked. */
  worked(key: string): void {
    const item = this.#items.get(key);
    if (!item) return;
    this.#endedAtMs.delete(item.cause);
    this.#endedAtMs.set(item.cause, this.clock.nowMs());
    for (const oldest of this.#endedAtMs.keys()) {
      if (this.#endedAtMs.size <= maxCauses) break;
      this.#endedAtMs.delete(oldest);
    }
    this.#drop(key, 'an item that failed works again');
  }

  /** @returns whether it was logged. */
  #report(key: string, error: unknown, retryInMs: number): boolean {
    const details = { process: this.name, item: key, err: error, retryInMs };
    if (this.#reported < maxReported) {
      this.#reported++;
      this.log[this.level](details, 'an item fails; the others go on, and it is tried again');
      return true;
    }
    if (!this.#isSilent)
      this.log[this.level](details, `more than ${maxReported} items fail; further ones are counted`);
    this.#isSilent = true;
    return false;
  }

  /** Forgets items that are no longer asked for: every run asks for all open items, so these were done elsewhere. */
  #forgetUnseen(): void {
    const nowMs = this.clock.nowMs();
    for (const [key, { seenAtMs }] of this.#items) {
      if (nowMs - seenAtMs <= 2 * this.delays.maxMs) return;
      this.#drop(key, 'an item that failed needs nothing any more');
    }
  }

  /** Moves the item to the end of the map, as the one used last. */
  #put(key: string, item: FailingItem): void {
    this.#items.delete(key);
    this.#items.set(key, item);
  }

  #drop(key: string, message: string): void {
    const item = this.#items.get(key);
    this.#items.delete(key);
    if (item?.isReported) {
      this.#reported--;
      this.log.info({ process: this.name, item: key, failures: item.failures }, message);
    }
    if (this.#items.size > 0 || !this.#isSilent) return;
    this.#isSilent = false;
    this.log.info({ process: this.name }, 'no item fails any more');
  }
}
