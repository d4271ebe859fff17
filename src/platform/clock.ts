import { type Instant, toInstant } from '../events/ids.js';

/** The only source of time. Tests put their own in its place. */
export abstract class Clock {
  abstract now(): Instant;
  abstract nowMs(): number;
}

/** The system's time. A request asks several times in the same millisecond: the text is made once. */
class SystemClock implements Clock {
  #atMs = Number.NaN;
  #text: Instant | undefined;

  now(): Instant {
    const nowMs = Date.now();
    if (nowMs !== this.#atMs || this.#text === undefined) {
      this.#atMs = nowMs;
      this.#text = toInstant(nowMs);
    }
    return this.#text;
  }

  nowMs(): number {
    return Date.now();
  }
}

export const systemClock: Clock = new SystemClock();
