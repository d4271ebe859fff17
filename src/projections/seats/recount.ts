import type { Instant, PerformanceId, ScheduleId, VenueId } from '../../events/ids.js';
import {
  maxRelatedRows,
  type ScheduleRow,
  type SectionRow,
  schedulesTable,
  sectionsTable,
} from '../catalog/tables.js';
import type { RowBatch } from '../engine/row-batch.js';
import { isForSale, pricesOf } from './for-sale.js';
import { counts } from './seat-changes.js';
import { type ScheduleSeatRow, scheduleSeatsTable } from './tables.js';

/** Most taken seats of one date: beyond the largest stadium. */
const maxTakenSeats = 500_000;

/** Counts again after a venue's plan changed. */
export async function recountVenue(
  rows: RowBatch,
  venueId: VenueId,
  sections: readonly SectionRow[],
  at: Instant,
): Promise<void> {
  const schedules = await rows.select(schedulesTable, {
    equal: { venue_id: venueId },
    orderBy: 'schedule_id',
    limit: maxRelatedRows,
  });
  for (const schedule of schedules) await recountSchedule(rows, schedule, sections, at);
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
  const prices = await pricesOf(rows, schedule);
  let capacity = 0;
  for (const section of sections) {
    // Written by publishSection.
    const byCategory = JSON.parse(section.category_counts) as Record<string, number>;
    for (const [category, count] of Object.entries(byCategory)) {
      if (prices.priceOf(category) !== null) capacity += count;
    }
  }
  let held = 0;
  let reserved = 0;
  for (const seat of await takenSeats(rows, schedule.schedule_id)) {
    const for_sale = await isForSale(rows, schedule, seat.seat_id);
    if (for_sale !== seat.for_sale) rows.put(scheduleSeatsTable, { ...seat, for_sale, updated_at: at });
    held += counts({ ...seat, for_sale }, 'held');
    reserved += counts({ ...seat, for_sale }, 'reserved');
  }
  const available_seats = capacity - held - reserved;
  rows.put(schedulesTable, { ...schedule, capacity, held, reserved, available_seats, updated_at: at });
}

async function takenSeats(rows: RowBatch, scheduleId: ScheduleId): Promise<ScheduleSeatRow[]> {
  const seats = await rows.select(scheduleSeatsTable, {
    equal: { schedule_id: scheduleId },
    orderBy: 'seat_id',
    limit: maxTakenSeats,
  });
  return seats.filter((seat) => seat.status !== 'free');
}
