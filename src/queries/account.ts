import { In, IsNull, MoreThan } from 'typeorm';
import type { Instant, UserId } from '../events/ids.js';
import { SessionRow, UserRow } from '../projections/account.js';
import { ScheduleRow, ScheduleSeatRow } from '../projections/catalog/entities.js';
import { storedMoment } from '../projections/engine/entity.js';
import { OrderRow, ReservationRow } from '../projections/orders.js';
import { ChargeRow } from '../projections/wallet.js';
import { ask } from './database.js';
import type { QueryContext } from './queries.js';
import type { SessionInfo, UserReply } from './replies/account.js';

/** What keeps an account from being erased; `tickets` are for dates to come. */
export type UnfinishedBusiness = 'holds' | 'orders' | 'charges' | 'tickets';

/** Most sessions in one answer. */
const maxSessions = 100;

export function accountQueries({ db }: QueryContext) {
  return {
    /** A fan's account; null when unknown or erased. */
    async user(userId: UserId): Promise<UserReply | null> {
      const row = await ask(() => db.getRepository(UserRow).findOneBy({ user_id: userId }));
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

    /** A fan's sessions that live at `now`, those that were refreshed last first; at most 100. */
    async sessions(userId: UserId, now: Instant): Promise<SessionInfo[]> {
      const rows = await ask(() =>
        db.getRepository(SessionRow).find({
          where: { user_id: userId, ended_at: IsNull(), expires_at: MoreThan(now) },
          order: { refreshed_at: 'DESC', session_id: 'ASC' },
          take: maxSessions,
        }),
      );
      return rows.map((row) => ({
        sessionId: row.session_id,
        startedAt: row.started_at,
        refreshedAt: row.refreshed_at,
        expiresAt: row.expires_at,
      }));
    },

    /** What the user still has open at `now`. */
    async unfinishedBusiness(userId: UserId, now: Instant): Promise<UnfinishedBusiness[]> {
      const questions: readonly (readonly [UnfinishedBusiness, () => Promise<boolean>])[] = [
        [
          'holds',
          () =>
            db
              .getRepository(ScheduleSeatRow)
              .existsBy({ user_id: userId, status: 'held', expires_at: MoreThan(now) }),
        ],
        ['orders', () => db.getRepository(OrderRow).existsBy({ user_id: userId, settled: false })],
        [
          'charges',
          () =>
            db
              .getRepository(ChargeRow)
              .existsBy({ user_id: userId, status: In(['requested', 'approved', 'attention']) }),
        ],
        [
          'tickets',
          () =>
            db
              .createQueryBuilder(ReservationRow, 'r')
              .innerJoin(ScheduleRow, 's', 's.schedule_id = r.schedule_id')
              .where('r.user_id = :userId AND r.reservation_status = :confirmed')
              .andWhere('s.status = :scheduled AND s.schedule_date_time > :now')
              .setParameters({
                userId,
                confirmed: 'confirmed',
                scheduled: 'scheduled',
                now: storedMoment(now),
              })
              .getExists(),
        ],
      ];
      const found: UnfinishedBusiness[] = [];
      for (const [business, isOpen] of questions) if (await ask(isOpen)) found.push(business);
      return found;
    },
  };
}
