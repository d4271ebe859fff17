import { addMs, type Instant, type PerformanceId } from '../events/ids.js';
import type { AdmissionEvent } from '../events/queue-events.js';
import { beaconChain, roundOfDraw, timeOfRound } from './beacon.js';
import { accept, assertNever, type Decider, reject } from './decider.js';
import { type Draw, seedMatches } from './shuffle.js';

/** A contiguous range of admitted places, `from` inclusive to `to` exclusive. */
interface AdmittedRange {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
}

export interface AdmissionState {
  /** The draw that only waits for its round of the beacon. */
  readonly closedDraw:
    | { readonly shuffledCount: number; readonly tokensDigest: string; readonly round: number }
    | undefined;
  readonly opening: Draw | undefined;
  /** Places below this one were admitted. */
  readonly admittedUpTo: number;
  /** The ranges that may still be entered, oldest first: bounded by time. */
  readonly recent: readonly AdmittedRange[];
  /** When the pace lets the next fan in; undefined before the first one. */
  readonly nextAt: Instant | undefined;
}

/** The numbers that take part in the draw: 0 … shuffledCount−1, and the digest of their tokens. */
export interface JoinedNumbers {
  readonly shuffledCount: number;
  readonly tokensDigest: string;
}

export type AdmissionCommand =
  | ({
      readonly kind: 'close-draw';
      readonly performanceId: PerformanceId;
      readonly opensAt: Instant | null;
      /** The round that was named with the performance. */
      readonly namedRound: number;
    } & JoinedNumbers)
  | ({
      /** Opens a queue; the numbers are those of its closed draw, if there is one. */
      readonly kind: 'open';
      readonly performanceId: PerformanceId;
      readonly seed: string;
      readonly seedHash: string;
      readonly opensAt: Instant | null;
      /** The performance names a round of the beacon, so the draw is closed first. */
      readonly isRoundNamed: boolean;
      /** The verified round of the closed draw. */
      readonly beacon?: { readonly round: number; readonly signature: string } | undefined;
    } & JoinedNumbers)
  | {
      readonly kind: 'admit';
      readonly performanceId: PerformanceId;
      /** First place to admit; must equal `admittedUpTo`. */
      readonly from: number;
      /** The place after the last one to let in. */
      readonly to: number;
      /** Tokens in the range that still wait (others left): they become active. Never underestimated. */
      readonly waitingInRange: number;
      /** Tokens active already. Never underestimated. */
      readonly active: number;
      readonly maxActive: number;
      readonly admitPerSecond: number;
      readonly claimWindowMs: number;
    };

/**
 * Admits fans in the order of their places, at most `maxActive` at the same time and `admitPerSecond`. Places of fans who
 * left count for neither.
 */
export const admissionDecider: Decider<AdmissionState, AdmissionCommand, AdmissionEvent> = {
  initialState: { closedDraw: undefined, opening: undefined, admittedUpTo: 0, recent: [], nextAt: undefined },

  decide(command, state, now) {
    const { performanceId } = command;
    switch (command.kind) {
      case 'close-draw': {
        if (state.opening || state.closedDraw) return accept();
        if (isBefore(command.opensAt, now)) return notOpenBefore(command.opensAt);
        const { shuffledCount, tokensDigest } = command;
        const beacon = { chain: beaconChain, round: roundOfDraw(command.namedRound, now) } as const;
        return accept({ type: 'DrawClosed', data: { performanceId, shuffledCount, tokensDigest, beacon } });
      }
      case 'open': {
        if (state.opening) return accept();
        if (isBefore(command.opensAt, now)) return notOpenBefore(command.opensAt);
        if (!seedMatches(command.seed, command.seedHash)) {
          return reject(
            'seed-mismatch',
            'The seed is not the one whose hash was published: restore the secret.',
          );
        }
        const { closedDraw } = state;
        const { seed, beacon } = command;
        if (!closedDraw) {
          if (command.isRoundNamed) {
            return reject(
              'queue-not-open',
              'The draw must be closed before its round of the beacon is known.',
            );
          }
          const { shuffledCount, tokensDigest } = command;
          return accept({ type: 'QueueOpened', data: { performanceId, seed, shuffledCount, tokensDigest } });
        }
        const { shuffledCount, tokensDigest, round } = closedDraw;
        if (beacon?.round !== round || now < timeOfRound(round)) {
          const opensAt = timeOfRound(round);
          return reject(
            'queue-not-open',
            `The queue opens with round ${round} of the beacon, at ${opensAt}.`,
            {
              opensAt,
            },
          );
        }
        const decidedBy = { chain: beaconChain, round, signature: beacon.signature } as const;
        return accept({
          type: 'QueueOpened',
          data: { performanceId, seed, shuffledCount, tokensDigest, beacon: decidedBy },
        });
      }
      case 'admit': {
        if (!state.opening) return reject('queue-not-open', 'The queue has not opened yet.');
        const { from, to, waitingInRange, admitPerSecond } = command;
        if (from !== state.admittedUpTo || to <= from) {
          return reject('places-out-of-order', `Places up to ${state.admittedUpTo} are admitted already.`);
        }
        if (command.active + waitingInRange > command.maxActive) {
          return reject('places-out-of-order', `At most ${command.maxActive} fans may be inside at once.`);
        }
        if (waitingInRange > paceLeft(state, admitPerSecond, now)) {
          return reject('places-out-of-order', `At most ${admitPerSecond} fans a second may be let in.`);
        }
        const expiresAt = addMs(now, command.claimWindowMs);
        const nextAt = paceAfter(state, admitPerSecond, now, waitingInRange);
        return accept({
          type: 'TokensAdmitted',
          data: { performanceId, from, to, admittedAt: now, expiresAt, nextAt },
        });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'DrawClosed': {
        const { shuffledCount, tokensDigest, beacon } = event.data;
        return { ...state, closedDraw: { shuffledCount, tokensDigest, round: beacon.round } };
      }
      case 'QueueOpened': {
        const { seed, shuffledCount, tokensDigest, beacon } = event.data;
        const drawn = beacon && { round: beacon.round, signature: beacon.signature };
        return {
          ...state,
          closedDraw: undefined,
          opening: { seed, shuffledCount, tokensDigest, beacon: drawn },
        };
      }
      case 'TokensAdmitted': {
        const { from, to, admittedAt, expiresAt, nextAt } = event.data;
        const mayBeEntered = state.recent.filter((range) => range.expiresAt > admittedAt);
        const recent = [...mayBeEntered, { from, to, admittedAt, expiresAt }];
        return { ...state, admittedUpTo: to, recent, nextAt };
      }
      default:
        return assertNever(event);
    }
  },
};

function isBefore(opensAt: Instant | null, now: Instant): opensAt is Instant {
  return opensAt !== null && now < opensAt;
}

function notOpenBefore(opensAt: Instant) {
  return reject('queue-not-open', `The queue opens at ${opensAt}.`, { opensAt });
}

/** Hides the rounding of a division whose result is whole. */
const epsilon = 1e-9;

/**
 * How late admission is against the pace, in ms, limited to what it may catch up: the fans of one second. If a fan takes
 * about a second or more, half a second, so that late rounds do not slow the pace. Negative before the next fan may come.
 */
function pauseMs({ nextAt }: AdmissionState, admitPerSecond: number, now: Instant): number {
  const longest = Math.max(1000 - 1000 / admitPerSecond, 500);
  return nextAt === undefined ? longest : Math.min(Date.parse(now) - Date.parse(nextAt), longest);
}

/**
 * How many fans the pace lets in at `now`: one each `1000 / admitPerSecond` milliseconds. Those that a late or paused
 * admission missed are made up for, up to one second's worth. Fans count, not places.
 * @param admitPerSecond 0.1 or more.
 */
export function paceLeft(state: AdmissionState, admitPerSecond: number, now: Instant): number {
  const pause = pauseMs(state, admitPerSecond, now);
  return pause < 0 ? 0 : Math.floor((pause * admitPerSecond) / 1000 + epsilon) + 1;
}

/** When the pace lets the next fan in, after `fans` at `now`. */
function paceAfter(state: AdmissionState, admitPerSecond: number, now: Instant, fans: number): Instant {
  const pause = pauseMs(state, admitPerSecond, now);
  return addMs(now, Math.ceil((fans * 1000) / admitPerSecond - pause - epsilon));
}

/** The admission of a place, if it was admitted recently enough to matter. */
export function admissionOf(state: AdmissionState, place: number): AdmittedRange | undefined {
  return state.recent.find((range) => range.from <= place && place < range.to);
}
