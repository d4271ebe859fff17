import { type Instant, toInstant } from '../events/ids.js';

/** The only source of time. Tests put their own in its place. */
export abstract class Clock {
  abstract now(): Instant;
  abstract nowMs(): number;
}

export const systemClock: Clock = {
  now: () => toInstant(Date.now()),
  nowMs: () => Date.now(),
};
