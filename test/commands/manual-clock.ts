import { type Instant, toInstant } from '../../src/events/ids.js';
import type { Clock } from '../../src/platform/clock.js';

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(start = '2026-11-22T09:00:00.000Z') {
    this.#nowMs = Date.parse(start);
  }

  now(): Instant {
    return toInstant(this.#nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  /** Moves to a moment: the exact millisecond matters in most tests that use it. */
  moveTo(instant: Instant, offsetMs = 0): void {
    this.#nowMs = Date.parse(instant) + offsetMs;
  }
}
