import {
  type PerformanceDetails,
  planRows,
  priceOf,
  type ScheduleDetails,
  type VenueState,
} from '../../domain/catalog.js';
import type { PlanRow, PlanSeat, SalesRules } from '../../events/catalog-events.js';
import type { PerformanceId, ScheduleId, SeatId } from '../../events/ids.js';
import type { WheelchairAccess } from '../../events/queue-events.js';
import type { Outcome } from './outcome.js';

/** The fans of a recorded on-sale and what they wanted: the part that does not depend on its settings. */
export interface Demand {
  readonly performanceId: PerformanceId;
  /** The rules in force when the queue opened. */
  readonly rules: SalesRules;
  /** How often they were changed afterwards: if at all, the recording does not have a single setting. */
  readonly laterRevisions: number;
  readonly openedAtMs: number;
  readonly hall: Hall;
  /** By place in the queue. */
  readonly fans: readonly Fan[];
  /** Where the replay stops: the end of a recording that was cut off, else the last date. */
  readonly untilMs: number;
  /** The recording ends while fans still queue or hold seats. */
  readonly isCutOff: boolean;
  readonly recorded: Outcome;
}

export interface Fan {
  readonly place: number;
  readonly joinedAtMs: number;
  readonly seatLimit: number;
  readonly waited: WaitedFor;
  /** What the fan did after admission; undefined when the fan was never admitted. */
  readonly turn: Turn | undefined;
}

/** A time spent in the queue: until the fan `left`, or until something else ended it. */
export interface WaitedFor {
  readonly ms: number;
  readonly left: boolean;
}

export type Turn =
  /** Never enters. */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'enters';
      /** After admission. */
      readonly afterMs: number;
      /** Undefined: the fan found no seats, so the recording does not show what they wanted. */
      readonly wishes: readonly Wish[] | undefined;
      /** After entering; null: stays until the time is used up or the seats are paid for. */
      readonly leavesAfterMs: number | null;
    };

/** One attempt to get seats. */
export interface Wish {
  /** After entering. */
  readonly atMs: number;
  /** Attempts in order; more than one where the recording shows lost races. */
  readonly options: readonly SeatWish[];
  /** What the fan does with held seats; undefined when all races were lost. */
  readonly intent: Intent | undefined;
}

export type SeatWish = { readonly scheduleId: ScheduleId } & (
  | { readonly kind: 'seats'; readonly seatIds: readonly SeatId[] }
  | {
      readonly kind: 'best-available';
      readonly quantity: number;
      readonly category: string | undefined;
      /** Id of the only section wanted. */
      readonly section?: string | undefined;
      readonly access?: WheelchairAccess | undefined;
      readonly acceptRestrictedView?: boolean | undefined;
    }
);

/** Times run from the moment the seats are held. */
export type Intent =
  | { readonly kind: 'pay'; readonly afterMs: number; readonly cancelAfterMs: number | null }
  | { readonly kind: 'release'; readonly afterMs: number }
  | { readonly kind: 'let-lapse' };

export interface HallSeat {
  readonly seat: PlanSeat;
  readonly row: PlanRow;
  /** Points. */
  readonly price: number;
}

/** One date and the seats it has for sale. */
export interface HallDate {
  readonly scheduleId: ScheduleId;
  readonly startsAtMs: number;
  readonly rows: readonly PlanRow[];
  readonly rowsOfSection: (sectionId: string) => readonly PlanRow[];
  readonly focus: { readonly x: number; readonly y: number } | undefined;
  readonly seats: ReadonlyMap<SeatId, HallSeat>;
}

type PlanOfHall = Pick<HallDate, 'rows' | 'rowsOfSection' | 'seats'>;

/** What a performance has on sale, by date. */
export type Hall = ReadonlyMap<ScheduleId, HallDate>;

/** The dates that were not cancelled, with the seats that have a price. */
export function hallOf(
  performance: PerformanceDetails,
  schedules: Iterable<ScheduleDetails>,
  venueOf: (schedule: ScheduleDetails) => VenueState | undefined,
): Hall {
  const hall = new Map<ScheduleId, HallDate>();
  const plans = new Map<VenueState, PlanOfHall>();
  for (const schedule of schedules) {
    const venue = venueOf(schedule);
    if (!venue || schedule.status === 'cancelled') continue;
    const plan = plans.get(venue) ?? planOf(performance, venue);
    plans.set(venue, plan);
    const { scheduleId, startsAt } = schedule;
    hall.set(scheduleId, {
      scheduleId,
      startsAtMs: Date.parse(startsAt),
      focus: venue.details?.focus,
      ...plan,
    });
  }
  return hall;
}

/** Seats for sale on all dates. */
export function capacityOf(hall: Hall): number {
  let seats = 0;
  for (const date of hall.values()) seats += date.seats.size;
  return seats;
}

function planOf(performance: PerformanceDetails, venue: VenueState): PlanOfHall {
  const rows = planRows(venue);
  const seats = new Map<SeatId, HallSeat>();
  for (const row of rows) {
    for (const seat of row.seats) {
      const price = priceOf(performance, seat.category);
      if (price !== undefined) seats.set(seat.seatId, { seat, row, price });
    }
  }
  return { rows, seats, rowsOfSection: (sectionId) => planRows(venue, sectionId) };
}
