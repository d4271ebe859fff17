import type { DataSource } from 'typeorm';
import type { Instant, ScheduleId, SeatId, VenueId } from '../events/ids.js';
import { PriceList } from '../projections/catalog/prices.js';
import { selectAll, selectFirst } from './select.js';

/** One date with what its seats cost, as of a position of the log. */
export interface PricedSchedule {
  readonly venueId: VenueId;
  readonly prices: PriceList;
  /** Everything read after this is at least as new. */
  readonly position: number;
}

/** Null when the schedule is unknown. */
export async function pricedSchedule(db: DataSource, scheduleId: ScheduleId): Promise<PricedSchedule | null> {
  const row = await selectFirst<{ venue_id: VenueId; prices: string | null; position: number | null }>(
    db,
    `SELECT s.venue_id, p.prices,
       (SELECT c.position FROM projection_checkpoints c WHERE c.name = 'catalog') AS position
     FROM schedules s LEFT JOIN performances p ON p.performance_id = s.performance_id
     WHERE s.schedule_id = ?`,
    [scheduleId],
  );
  if (!row) return null;
  const prices = row.prices === null ? new PriceList([]) : PriceList.parse(row.prices);
  return { venueId: row.venue_id, prices, position: row.position ?? -1 };
}

/** Seats that are reserved, or held with a deadline after `now`. */
export async function takenSeats(
  db: DataSource,
  scheduleId: ScheduleId,
  now: Instant,
): Promise<Map<SeatId, 'held' | 'reserved'>> {
  const rows = await selectAll<{ seat_id: SeatId; status: 'held' | 'reserved' }>(
    db,
    `SELECT seat_id, status FROM schedule_seats
     WHERE schedule_id = ? AND (status = 'reserved' OR (status = 'held' AND expires_at > ?))`,
    [scheduleId, now],
  );
  return new Map(rows.map((row) => [row.seat_id, row.status]));
}
