import type { Instant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';

/**
 * Calls back at deadlines. A timer is a hint: it may fire late, twice or never, so what it sets off checks the
 * deadline again and a sweeper stands behind it.
 */
export interface Timers {
  /** Asks to be called at `dueAt` (at once if that has passed). The same key again replaces the earlier one. */
  schedule(key: string, dueAt: Instant, run: () => void): void;
  stop(): void;
}

/** setTimeout's longest delay. */
const longestDelayMs = 2 ** 31 - 1;

/** Timers kept; beyond that the sweeper alone serves: bounds the memory of a process. */
const maxTimers = 500_000;

/** Timers in this process; lost with it and restored from the read models at the next start. */
export class InProcessTimers implements Timers {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly clock: Clock) {}

  schedule(key: string, dueAt: Instant, run: () => void): void {
    clearTimeout(this.#timers.get(key));
    if (this.#timers.size >= maxTimers && !this.#timers.has(key)) return;
    const delayMs = Math.min(Math.max(0, Date.parse(dueAt) - this.clock.nowMs()), longestDelayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      run();
    }, delayMs);
    this.#timers.set(key, timer);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
