import type { DataSource } from 'typeorm';
import type { Instant, UserId } from '../events/ids.js';
import type { CellValue } from '../projections/engine/table.js';
import type { Business } from './ports.js';
import { selectFirst } from './select.js';

/** See {@link QueryPorts.unfinishedBusiness}. */
export async function unfinishedBusiness(db: DataSource, userId: UserId, now: Instant): Promise<Business[]> {
  const questions: readonly (readonly [Business, string, readonly CellValue[]])[] = [
    [
      'holds',
      `SELECT 1 FROM schedule_seats WHERE user_id = ? AND status = 'held' AND expires_at > ? LIMIT 1`,
      [userId, now],
    ],
    ['orders', 'SELECT 1 FROM orders WHERE user_id = ? AND settled = 0 LIMIT 1', [userId]],
    [
      'charges',
      `SELECT 1 FROM charges WHERE status IN ('requested', 'approved') AND user_id = ? LIMIT 1`,
      [userId],
    ],
    [
      'tickets',
      `SELECT 1 FROM reservations r JOIN schedules s ON s.schedule_id = r.schedule_id
       WHERE r.user_id = ? AND r.reservation_status = 'confirmed'
         AND s.status = 'scheduled' AND s.schedule_date_time > ? LIMIT 1`,
      [userId, now],
    ],
  ];
  const found: Business[] = [];
  for (const [business, sql, parameters] of questions) {
    if (await selectFirst(db, sql, parameters)) found.push(business);
  }
  return found;
}
