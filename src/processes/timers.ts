import type { HoldId, Instant, PerformanceId, TokenId } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import { DeadlineQueue } from '../platform/deadline-queue.js';

/** What ends at which time, as data: any process can act on it. */
export type Deadline = { readonly dueAt: Instant } & (
  | { readonly kind: 'hold'; readonly tokenId: TokenId; readonly holdId: HoldId }
  /** The time to enter, or the time inside. */
  | { readonly kind: 'token'; readonly tokenId: TokenId; readonly status: 'admitted' | 'entered' }
  /** The time to enter of everyone admitted together, by their first place. */
  | { readonly kind: 'claims'; readonly performanceId: PerformanceId; readonly from: number }
);

/** Acts on a deadline. Rejects when that fails, which it has logged; it may be called again. */
export type OnDue = (deadline: Deadline) => Promise<void>;

/** Live deadlines, in pages. */
export type LiveDeadlines = () => AsyncIterable<readonly Deadline[]>;

/**
 * Calls back at deadlines. A timer is a hint: it may fire late, twice or never, so its callback checks the deadline
 * again, and a sweeper finds the deadlines it missed.
 */
export interface Timers {
  /** From now on deadlines are acted on, also some that other processes scheduled. */
  start(onDue: OnDue): Promise<void>;
  /**
   * Calls back at each deadline, at once if it has passed. Scheduling the same deadline again changes nothing.
   * Never fails and never waits long: what cannot be scheduled is left to the sweeper.
   */
  schedule(deadlines: readonly Deadline[]): Promise<void>;
  /** Schedules the live deadlines again if timers may have been lost. To be called now and then. */
  restore(live: LiveDeadlines): Promise<void>;
  /** Nothing fires any more. Takes a few seconds at most. */
  stop(): Promise<void>;
}

/** Most deadlines of a process, which bounds its memory; further ones are left to the sweeper. */
const maxDeadlines = 500_000;

/** Timers in this process; lost with it and restored from the read models at the next start. */
export class InProcessTimers implements Timers {
  readonly #queue = new DeadlineQueue<string, Deadline>((deadline) => {
    // Already logged, and the sweeper repeats it.
    this.#onDue?.(deadline).catch(() => undefined);
  });
  #onDue: OnDue | undefined;
  #isRestored = false;

  constructor(private readonly clock: Clock) {}

  async start(onDue: OnDue): Promise<void> {
    this.#onDue = onDue;
  }

  async schedule(deadlines: readonly Deadline[]): Promise<void> {
    for (const deadline of deadlines) this.#set(deadline);
  }

  async restore(live: LiveDeadlines): Promise<void> {
    if (this.#isRestored) return;
    for await (const deadlines of live()) await this.schedule(deadlines);
    this.#isRestored = true;
  }

  async stop(): Promise<void> {
    this.#onDue = undefined;
    this.#queue.clear();
  }

  /** The later deadline of one hold or token replaces the earlier. */
  #set(deadline: Deadline): void {
    if (!this.#onDue) return;
    const name = nameOf(deadline);
    if (this.#queue.size >= maxDeadlines && !this.#queue.has(name)) return;
    this.#queue.set(name, Math.max(0, Date.parse(deadline.dueAt) - this.clock.nowMs()), deadline);
  }
}

/** Names what the deadline ends: a later deadline of the same hold, token or admission has the same name. */
export function nameOf(deadline: Deadline): string {
  switch (deadline.kind) {
    case 'hold':
      return `hold-${deadline.holdId}`;
    case 'token':
      return `token-${deadline.tokenId}`;
    case 'claims':
      return `claims-${deadline.performanceId}-${deadline.from}`;
  }
}
