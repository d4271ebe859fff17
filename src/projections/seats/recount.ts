import type { Instant, PerformanceId, ScheduleId, SeatId, VenueId } from '../../events/ids.js';
import {
  maxRelatedRows,
  type ScheduleRow,
  type SectionRow,
  schedulesTable,
  seatsTable,
  sectionsTable,
} from '../catalog/tables.js';
import type { RowBatch, Wanted } from '../engine/row-batch.js';
import { keyText } from '../engine/table.js';
import { isForSale, pricesOf } from './for-sale.js';
import { counts } from './seat-changes.js';
import { type ScheduleSeatRow, scheduleSeatsTable } from './tables.js';

/** Seats looked at together: fewer than the cache of rows keeps, so that what was read together is found in it. */
const pageSeats = 1_000;

/** What changed in a venue's plan. */
export interface PlanChange {
  /** All of the venue, as they are now. */
  readonly sections: readonly SectionRow[];
  /** Seats that are new, gone, or of another category; all others are for sale as before. */
  readonly changedSeats: ReadonlySet<SeatId>;
  readonly at: Instant;
}

/** Counts again on every date of the venue after its plan changed. */
export async function recountVenue(
  rows: RowBatch,
  venueId: VenueId,
  { sections, changedSeats, at }: PlanChange,
): Promise<void> {
  const schedules = await rows.select(schedulesTable, {
    equal: { venue_id: venueId },
    orderBy: 'schedule_id',
    limit: maxRelatedRows,
  });
  for (const schedule of schedules) {
    let { held, reserved } = schedule;
    for await (const seats of changedPages(rows, schedule.schedule_id, changedSeats)) {
      for (const [index, seat] of (await updateForSale(rows, schedule, seats, at)).entries()) {
        held += counts(seat, 'held') - counts(seats[index], 'held');
        reserved += counts(seat, 'reserved') - counts(seats[index], 'reserved');
      }
    }
    await putCounts(rows, { ...schedule, held, reserved, updated_at: at }, sections);
  }
}

/** Counts again after a performance's prices changed. */
export async function recountPerformance(
  rows: RowBatch,
  performanceId: PerformanceId,
  at: Instant,
): Promise<void> {
  const schedules = await rows.select(schedulesTable, {
    equal: { performance_id: performanceId },
    orderBy: 'schedule_id',
    limit: maxRelatedRows,
  });
  for (const schedule of schedules) {
    const sections = await rows.select(sectionsTable, {
      equal: { venue_id: schedule.venue_id },
      orderBy: 'section_id',
      limit: maxRelatedRows,
    });
    await recountSchedule(rows, schedule, sections, at);
  }
}

/** Writes the schedule with capacity and counts taken afresh from plan, prices and taken seats. */
export async function recountSchedule(
  rows: RowBatch,
  schedule: ScheduleRow,
  sections: readonly SectionRow[],
  at: Instant,
): Promise<void> {
  let held = 0;
  let reserved = 0;
  for await (const seats of takenPages(rows, schedule.schedule_id)) {
    for (const seat of await updateForSale(rows, schedule, seats, at)) {
      held += counts(seat, 'held');
      reserved += counts(seat, 'reserved');
    }
  }
  await putCounts(rows, { ...schedule, held, reserved, updated_at: at }, sections);
}

/** Writes a schedule whose taken seats are counted. */
async function putCounts(
  rows: RowBatch,
  schedule: ScheduleRow,
  sections: readonly SectionRow[],
): Promise<void> {
  const prices = await pricesOf(rows, schedule);
  let capacity = 0;
  for (const section of sections) {
    // Written by publishSection.
    const byCategory = JSON.parse(section.category_counts) as Record<string, number>;
    for (const [category, count] of Object.entries(byCategory)) {
      if (prices.priceOf(category) !== null) capacity += count;
    }
  }
  const available_seats = capacity - schedule.held - schedule.reserved;
  rows.put(schedulesTable, { ...schedule, capacity, available_seats });
}

/** Lets taken seats of a date say whether they are for sale by plan and prices. @returns them as they are then. */
async function updateForSale(
  rows: RowBatch,
  schedule: ScheduleRow,
  seats: readonly ScheduleSeatRow[],
  at: Instant,
): Promise<ScheduleSeatRow[]> {
  const seatIds = seats.map(({ seat_id }) => seat_id);
  await rows.prefetch(seatsTable, keysOf(schedule.venue_id, seatIds));
  const updated: ScheduleSeatRow[] = [];
  for (const seat of seats) {
    const for_sale = await isForSale(rows, schedule, seat.seat_id);
    const after = for_sale === seat.for_sale ? seat : { ...seat, for_sale, updated_at: at };
    if (after !== seat) rows.put(scheduleSeatsTable, after);
    updated.push(after);
  }
  return updated;
}

/** All taken seats of a date. */
async function* takenPages(rows: RowBatch, scheduleId: ScheduleId): AsyncGenerator<ScheduleSeatRow[]> {
  for (let after: SeatId | undefined; ; ) {
    const page = await seatsBehind(rows, scheduleId, after);
    yield page.filter(isTaken);
    if (page.length < pageSeats) return;
    after = page.at(-1)?.seat_id;
  }
}

/** Those of some seats that are taken on a date. */
async function* changedPages(
  rows: RowBatch,
  scheduleId: ScheduleId,
  changedSeats: ReadonlySet<SeatId>,
): AsyncGenerator<ScheduleSeatRow[]> {
  if (changedSeats.size === 0) return;
  // Of most dates of a venue few seats were ever taken, or none: one question answers for all of them.
  const first = await seatsBehind(rows, scheduleId, undefined);
  if (first.length < pageSeats) {
    yield first.filter((seat) => isTaken(seat) && changedSeats.has(seat.seat_id));
    return;
  }
  const seatIds = [...changedSeats];
  for (let start = 0; start < seatIds.length; start += pageSeats) {
    const some = seatIds.slice(start, start + pageSeats);
    await rows.prefetch(scheduleSeatsTable, keysOf(scheduleId, some));
    const page: ScheduleSeatRow[] = [];
    for (const seatId of some) {
      const seat = await rows.get(scheduleSeatsTable, [scheduleId, seatId]);
      if (seat && isTaken(seat)) page.push(seat);
    }
    yield page;
  }
}

function seatsBehind(rows: RowBatch, schedule_id: ScheduleId, after: SeatId | undefined) {
  return rows.select(scheduleSeatsTable, {
    equal: { schedule_id },
    orderBy: 'seat_id',
    after,
    limit: pageSeats,
  });
}

function isTaken({ status }: ScheduleSeatRow): boolean {
  return status !== 'free';
}

/** Keys of seats of one venue, or one date. */
function keysOf(first: string, seatIds: readonly SeatId[]): ReadonlyMap<string, Wanted> {
  return new Map(
    seatIds.map((seatId) => {
      const key = [first, seatId];
      return [keyText(key), { key, isNew: false }];
    }),
  );
}
