import type { Instant, PerformanceId } from '../events/ids.js';
import type { ScheduleRow } from '../projections/catalog/entities.js';
import type { QueryContext } from './context.js';
import { toSchedule } from './get-schedule.js';
import { decodeCursor, rowsToRead, timeAndId, toPage } from './paging.js';
import type { Page, PageRequest, ScheduleReply } from './replies.js';
import { selectAll } from './select.js';

/**
 * A performance's dates, earliest first, `from` inclusive to `to` exclusive.
 * @throws {InvalidCursor}
 */
export async function listSchedules(
  { db }: QueryContext,
  performanceId: PerformanceId,
  range: { readonly from?: Instant; readonly to?: Instant },
  page: PageRequest,
): Promise<Page<ScheduleReply>> {
  const [time, id] = decodeCursor(page.cursor, timeAndId) ?? ['', ''];
  const rows = await selectAll<ScheduleRow>(
    db,
    `SELECT * FROM schedules
     WHERE performance_id = ? AND schedule_date_time >= ? AND schedule_date_time < ?
       AND (schedule_date_time > ? OR (schedule_date_time = ? AND schedule_id > ?))
     ORDER BY schedule_date_time, schedule_id LIMIT ${rowsToRead(page)}`,
    // '~' sorts after every moment.
    [performanceId, range.from ?? '', range.to ?? '~', time, time, id],
  );
  return toPage(rows, page, toSchedule, (row) => [row.schedule_date_time, row.schedule_id]);
}
