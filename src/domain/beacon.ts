import { type Instant, toInstant } from '../events/ids.js';

/**
 * The public randomness that draws may mix in: the chain "quicknet" of drand, which publishes a round every three seconds.
 * Nobody can know a round before its time, and anyone can verify it later (platform/drand.ts).
 */
export const beaconChain = 'drand-quicknet';

const genesisMs = 1_692_803_367_000;
const periodMs = 3_000;

/**
 * From the opening time to the round that is named for it: the numbers that take part are fixed in between, while nobody
 * knows the round.
 */
const leadMs = 15_000;

/** When a round is published. Rounds count from 1. */
export function timeOfRound(round: number): Instant {
  return toInstant(genesisMs + (round - 1) * periodMs);
}

/** The round that is named for an opening at this moment: the first one 15 seconds later. */
export function roundFor(opensAt: Instant): number {
  const afterMs = Date.parse(opensAt) + leadMs - genesisMs;
  return Math.max(1, Math.ceil(afterMs / periodMs) + 1);
}

/**
 * The round that decides a draw which is closed now: the one that was named; once that one is known, the one that would be
 * named for an opening now. So the round of a draw is always unknown when it is closed.
 */
export function roundOfDraw(named: number, now: Instant): number {
  return now < timeOfRound(named) ? named : roundFor(now);
}
