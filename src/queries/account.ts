import type { Instant, UserId } from '../events/ids.js';
import type { UserRow } from '../projections/account.js';
import { type CellValue, storedMoment } from '../projections/engine/entity.js';
import { selectFirst } from './database.js';
import type { QueryContext } from './queries.js';
import type { UserReply } from './replies/account.js';

/** What keeps an account from being erased; `tickets` are for dates to come. */
export type UnfinishedBusiness = 'holds' | 'orders' | 'charges' | 'tickets';

export function accountQueries({ db }: QueryContext) {
  return {
    /** A fan's account; null when unknown or erased. */
    async user(userId: UserId): Promise<UserReply | null> {
      const row = await selectFirst<UserRow>(db, 'SELECT * FROM users WHERE user_id = ?', [userId]);
      if (!row) return null;
      return {
        userId: row.user_id,
        loginId: row.login_id,
        username: row.username,
        name: row.name,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      };
    },

    /** What the user still has open at `now`. */
    async unfinishedBusiness(userId: UserId, now: Instant): Promise<UnfinishedBusiness[]> {
      const questions: readonly (readonly [UnfinishedBusiness, string, readonly CellValue[]])[] = [
        [
          'holds',
          `SELECT 1 FROM schedule_seats WHERE user_id = ? AND status = 'held' AND expires_at > ? LIMIT 1`,
          [userId, storedMoment(now)],
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
          [userId, storedMoment(now)],
        ],
      ];
      const found: UnfinishedBusiness[] = [];
      for (const [business, sql, parameters] of questions) {
        if (await selectFirst(db, sql, parameters)) found.push(business);
      }
      return found;
    },
  };
}
