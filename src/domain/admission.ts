import { addMs, type Instant, type PerformanceId } from '../events/ids.js';
import type { AdmissionEvent } from '../events/queue-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';
import { seedMatches } from './shuffle.js';

/** A contiguous range of admitted places, `from` inclusive to `to` exclusive. */
interface AdmittedRange {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
}

export interface AdmissionState {
  readonly opening: { readonly seed: string; readonly shuffledCount: number } | undefined;
  /** Places below this one were admitted. */
  readonly admittedUpTo: number;
  /** The ranges that may still be entered or count for the pace, oldest first: bounded by time. */
  readonly recent: readonly AdmittedRange[];
}

export type AdmissionCommand =
  | {
      readonly kind: 'open';
      readonly performanceId: PerformanceId;
      readonly seed: string;
      readonly seedHash: string;
      readonly opensAt: Instant | null;
      /** How many joined before: they are shuffled. */
      readonly shuffledCount: number;
    }
  | {
      readonly kind: 'admit';
      readonly performanceId: PerformanceId;
      /** First place to admit; must equal `admittedUpTo`. */
      readonly from: number;
      /** The place after the last one to let in. */
      readonly to: number;
      /** Tokens in the range that still wait (others left): they become active. */
      readonly waitingInRange: number;
      /** Tokens active already; may be overestimated, never underestimated. */
      readonly active: number;
      readonly maxActive: number;
      readonly admitPerSecond: number;
      readonly claimWindowMs: number;
    };

/** The longest window the pace is measured over: one fan per ten seconds is the slowest allowed. */
const longestPaceWindowMs = 10_000;

/** Lets fans in, in the order of their places, at most `maxActive` at once and `admitPerSecond`. */
export const admissionDecider: Decider<AdmissionState, AdmissionCommand, AdmissionEvent> = {
  initialState: { opening: undefined, admittedUpTo: 0, recent: [] },

  decide(command, state, now) {
    const { performanceId } = command;
    switch (command.kind) {
      case 'open': {
        if (state.opening) return accept();
        if (command.opensAt !== null && now < command.opensAt) {
          return reject('queue-not-open', `The queue opens at ${command.opensAt}.`, {
            opensAt: command.opensAt,
          });
        }
        if (!seedMatches(command.seed, command.seedHash)) {
          return reject(
            'seed-mismatch',
            'The seed is not the one whose hash was published: restore the secret.',
          );
        }
        const { seed, shuffledCount } = command;
        return accept({ type: 'QueueOpened', data: { performanceId, seed, shuffledCount } });
      }
      case 'admit': {
        if (!state.opening) return reject('queue-not-open', 'The queue has not opened yet.');
        const { from, to } = command;
        if (from !== state.admittedUpTo || to <= from) {
          return reject('places-out-of-order', `Places up to ${state.admittedUpTo} are admitted already.`);
        }
        if (command.active + command.waitingInRange > command.maxActive) {
          return reject('places-out-of-order', `At most ${command.maxActive} fans may be inside at once.`);
        }
        if (to - from > paceLeft(state, command.admitPerSecond, now)) {
          return reject(
            'places-out-of-order',
            `At most ${command.admitPerSecond} fans a second may be let in.`,
          );
        }
        const expiresAt = addMs(now, command.claimWindowMs);
        return accept({
          type: 'TokensAdmitted',
          data: { performanceId, from, to, admittedAt: now, expiresAt },
        });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'QueueOpened': {
        const { seed, shuffledCount } = event.data;
        return { ...state, opening: { seed, shuffledCount } };
      }
      case 'TokensAdmitted': {
        const { from, to, admittedAt, expiresAt } = event.data;
        const paceStart = addMs(admittedAt, -longestPaceWindowMs);
        const stillMatters = (range: AdmittedRange) =>
          range.expiresAt > admittedAt || range.admittedAt > paceStart;
        const recent = [...state.recent.filter(stillMatters), { from, to, admittedAt, expiresAt }];
        return { ...state, admittedUpTo: to, recent };
      }
      default:
        return assertNever(event);
    }
  },
};

/**
 * How many places the pace still allows at `now`: a sliding window of one second, or as long as one fan takes
 * when the pace is slower than that.
 * @param admitPerSecond 0.1 or more.
 */
export function paceLeft(state: AdmissionState, admitPerSecond: number, now: Instant): number {
  const windowMs = Math.min(Math.max(1000, 1000 / admitPerSecond), longestPaceWindowMs);
  const allowed = Math.max(1, Math.floor((admitPerSecond * windowMs) / 1000));
  const windowStart = addMs(now, -windowMs);
  const used = state.recent
    .filter((range) => range.admittedAt > windowStart)
    .reduce((sum, range) => sum + range.to - range.from, 0);
  return Math.max(0, allowed - used);
}

/** The admission of a place, if it was admitted recently enough to matter. */
export function admissionOf(state: AdmissionState, place: number): AdmittedRange | undefined {
  return state.recent.find((range) => range.from <= place && place < range.to);
}
