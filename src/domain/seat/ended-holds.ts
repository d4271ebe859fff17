import type { HoldId, Instant } from '../../events/ids.js';

/** A hold and the deadline it was requested with: until then somebody may still try to take a seat under it. */
export interface EndedHold {
  readonly holdId: HoldId;
  readonly expiresAt: Instant;
}

/**
 * The holds that a seat refuses for good: those that ended on it, and those it barred. One of them never comes back
 * to life, whatever is retried, however late, and however wrong the clock of whoever tries.
 */
export interface EndedHolds {
  /** Those with the latest deadlines, latest first. */
  readonly known: readonly EndedHold[];
  /** The latest deadline among those no longer known by name: a hold that ends no later may be one of them. */
  readonly forgottenUntil: Instant | undefined;
}

export const noEndedHolds: EndedHolds = { known: [], forgottenUntil: undefined };

/** Holds known by name: bounds the state of a seat that changes hands again and again. */
const maxKnown = 64;

/** Adds a hold that ended. */
export function withEnded(ended: EndedHolds, { holdId, expiresAt }: EndedHold): EndedHolds {
  const later = ended.known.filter((hold) => hold.expiresAt > expiresAt);
  const known = [...later, { holdId, expiresAt }, ...ended.known.slice(later.length)];
  const forgotten = known.length > maxKnown ? known.pop() : undefined;
  return { known, forgottenUntil: latest(ended.forgottenUntil, forgotten?.expiresAt) };
}

/**
 * Whether the seat refuses this hold for good, unless it has the seat at this moment. Of a hold that ends too early to
 * be told apart from a forgotten one: yes.
 */
export function hasEnded({ known, forgottenUntil }: EndedHolds, { holdId, expiresAt }: EndedHold): boolean {
  if (forgottenUntil !== undefined && expiresAt <= forgottenUntil) return true;
  return known.some((hold) => hold.holdId === holdId);
}

function latest(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}
