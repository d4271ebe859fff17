import type { DataSource } from 'typeorm';
import type { Instant, PerformanceId, VenueId } from '../events/ids.js';
import type { ScheduleRow } from '../projections/catalog/entities.js';
import type { ScheduleOfVenue } from './ports.js';
import { selectAll, selectFirst } from './select.js';

/** Most dates of one venue. */
const maxSchedules = 10_000;

/** See {@link QueryPorts.performancesOnSale}. */
export async function performancesOnSale(
  db: DataSource,
  now: Instant,
  after: PerformanceId | null,
  limit: number,
): Promise<PerformanceId[]> {
  const rows = await selectAll<{ performance_id: PerformanceId }>(
    db,
    `SELECT p.performance_id FROM performances p WHERE p.performance_id > ? AND EXISTS (
       SELECT 1 FROM schedules s WHERE s.performance_id = p.performance_id
       AND s.status = 'scheduled' AND s.schedule_date_time > ?)
     ORDER BY p.performance_id LIMIT ?`,
    [after ?? '', now, limit],
  );
  return rows.map((row) => row.performance_id);
}

/** See {@link QueryPorts.isSaleOver}. */
export async function isSaleOver(
  db: DataSource,
  performanceId: PerformanceId,
  now: Instant,
): Promise<boolean> {
  const dates = await selectFirst<{ last: Instant | '' | null }>(
    db,
    `SELECT MAX(CASE WHEN status = 'scheduled' THEN schedule_date_time ELSE '' END) AS last
     FROM schedules WHERE performance_id = ?`,
    [performanceId],
  );
  const last = dates?.last ?? null; // null: no dates yet; '': all cancelled
  return last !== null && last <= now;
}

/** See {@link QueryPorts.schedulesOfVenue}. */
export async function schedulesOfVenue(db: DataSource, venueId: VenueId): Promise<ScheduleOfVenue[]> {
  const rows = await selectAll<ScheduleRow>(
    db,
    'SELECT * FROM schedules WHERE venue_id = ? ORDER BY schedule_date_time, schedule_id LIMIT ?',
    [venueId, maxSchedules],
  );
  return rows.map((row) => ({
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    startsAt: row.schedule_date_time,
    status: row.status,
  }));
}
