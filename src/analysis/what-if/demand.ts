import type { SalesRules } from '../../events/catalog-events.js';
import type { PerformanceId, ScheduleId, SeatId } from '../../events/ids.js';
import type { Hall } from './hall.js';
import type { Outcome } from './outcome.js';

/** What a recorded on-sale says about the people who came: the part of it that does not depend on its settings. */
export interface Demand {
  readonly performanceId: PerformanceId;
  /** The rules in force when the queue opened. */
  readonly rules: SalesRules;
  /** How often they were changed afterwards: more than 0, and the recording is of no single setting. */
  readonly laterRevisions: number;
  readonly openedAtMs: number;
  readonly hall: Hall;
  /** By place in line. */
  readonly fans: readonly Fan[];
  /** Where the replay must stop: the end of a recording that was cut off, else the last date. */
  readonly untilMs: number;
  /** The recording ends with people still queueing, or holding seats. */
  readonly isCutOff: boolean;
  readonly recorded: Outcome;
}

export interface Fan {
  readonly place: number;
  readonly joinedAtMs: number;
  readonly seatLimit: number;
  readonly waited: WaitedFor;
  /** What the fan did once let in; undefined: nobody saw, since the fan was never let in. */
  readonly turn: Turn | undefined;
}

/** A time spent in line: until the fan `left`, or until something else ended it. */
export interface WaitedFor {
  readonly ms: number;
  readonly left: boolean;
}

export type Turn =
  /** Never steps in. */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'enters';
      /** After being let in. */
      readonly afterMs: number;
      /** Undefined: the fan found no seats, so nothing was seen of what they would have done with some. */
      readonly wishes: readonly Wish[] | undefined;
      /** After entering; null: stays until the time is used up or the seats are paid for. */
      readonly leavesAfterMs: number | null;
    };

/** One attempt to get seats. */
export interface Wish {
  /** After entering. */
  readonly atMs: number;
  /** What is tried first, second, …; more than one where the recording shows lost races. */
  readonly options: readonly SeatWish[];
  /** What becomes of the seats once held; undefined: not seen, all races were lost. */
  readonly intent: Intent | undefined;
}

export type SeatWish = { readonly scheduleId: ScheduleId } & (
  | { readonly kind: 'seats'; readonly seatIds: readonly SeatId[] }
  | { readonly kind: 'best-available'; readonly quantity: number; readonly category: string | undefined }
);

/** Times run from the moment the seats are held. */
export type Intent =
  | { readonly kind: 'pay'; readonly afterMs: number; readonly cancelAfterMs: number | null }
  | { readonly kind: 'release'; readonly afterMs: number }
  | { readonly kind: 'let-lapse' };
