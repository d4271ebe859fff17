import type { ScheduleId } from '../events/ids.js';
import type { ScheduleRow } from '../projections/catalog/entities.js';
import type { QueryContext } from './context.js';
import type { ScheduleReply } from './replies.js';
import { selectFirst } from './select.js';

/** One date; null when unknown. Holds that lapsed a moment ago may still count as taken here. */
export async function getSchedule(
  { db }: QueryContext,
  scheduleId: ScheduleId,
): Promise<ScheduleReply | null> {
  const row = await selectFirst<ScheduleRow>(db, 'SELECT * FROM schedules WHERE schedule_id = ?', [
    scheduleId,
  ]);
  return row ? toSchedule(row) : null;
}

export function toSchedule(row: ScheduleRow): ScheduleReply {
  return {
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    venueId: row.venue_id,
    startsAt: row.schedule_date_time,
    status: row.status,
    capacity: row.capacity,
    availableSeats: row.available_seats,
  };
}
