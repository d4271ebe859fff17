import {
  type PerformanceDetails,
  planRows,
  priceOf,
  type ScheduleDetails,
  type VenueState,
} from '../../domain/catalog.js';

import type { PlanRow, PlanSeat } from '../../events/catalog-events.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';

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
  readonly focus: { readonly x: number; readonly y: number } | undefined;
  readonly seats: ReadonlyMap<SeatId, HallSeat>;
}

/** What a performance has on sale, by date. */
export type Hall = ReadonlyMap<ScheduleId, HallDate>;

/** The dates that were not cancelled, with the seats that have a price. */
export function hallOf(
  performance: PerformanceDetails,
  schedules: Iterable<ScheduleDetails>,
  venueOf: (schedule: ScheduleDetails) => VenueState | undefined,
): Hall {
  const hall = new Map<ScheduleId, HallDate>();
  const plans = new Map<VenueState, Pick<HallDate, 'rows' | 'seats'>>();
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

function planOf(performance: PerformanceDetails, venue: VenueState): Pick<HallDate, 'rows' | 'seats'> {
  const rows = planRows(venue);
  const seats = new Map<SeatId, HallSeat>();
  for (const row of rows) {
    for (const seat of row.seats) {
      const price = priceOf(performance, seat.category);
      if (price !== undefined) seats.set(seat.seatId, { seat, row, price });
    }
  }
  return { rows, seats };
}
