import { In, LessThan } from 'typeorm';
import { z } from 'zod';
import type { ChargeId, Instant, UserId } from '../events/ids.js';
import { ChargeRow, WalletHistoryRow, WalletRow } from '../projections/wallet.js';
import { ask } from './database.js';
import { decodeCursor, rowsToRead, toPage } from './paging.js';
import type { QueryContext } from './queries.js';
import type { ChargeReply, WalletEntryReply, WalletReply } from './replies/account.js';
import type { Page, PageRequest } from './replies/reply.js';

export function walletQueries({ db }: QueryContext) {
  return {
    /** A fan's points; null when the fan is unknown. */
    async wallet(userId: UserId): Promise<WalletReply | null> {
      const row = await ask(() => db.getRepository(WalletRow).findOneBy({ user_id: userId }));
      if (!row) return null;
      return {
        userId: row.user_id,
        balance: row.remain_point,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      };
    },

    /** A fan's movements of points, newest first. @throws {InvalidCursor} */
    async walletHistory(userId: UserId, page: PageRequest): Promise<Page<WalletEntryReply>> {
      const before = decodeCursor(page.cursor, z.tuple([z.number().int()]));
      const revision = LessThan(before?.[0] ?? 2 ** 31 - 1);
      const rows = await ask(() =>
        db.getRepository(WalletHistoryRow).find({
          where: { user_id: userId, revision },
          order: { revision: 'DESC' },
          take: rowsToRead(page),
        }),
      );
      return toPage(
        rows,
        page,
        (row) => ({
          kind: row.kind,
          amount: row.amount,
          balance: row.balance,
          chargeId: row.charge_id,
          orderId: row.order_id,
          at: row.created_at,
          position: row.position,
        }),
        (row) => [row.revision],
      );
    },

    /** One attempt of the user to buy points; null when unknown, and when it is another user's. */
    async charge(userId: UserId, chargeId: ChargeId): Promise<ChargeReply | null> {
      const row = await ask(() => db.getRepository(ChargeRow).findOneBy({ charge_id: chargeId }));
      if (row?.user_id !== userId) return null;
      return {
        chargeId: row.charge_id,
        userId: row.user_id,
        amount: row.amount,
        status: row.status === 'requested' ? 'pending' : row.status,
        paymentId: row.payment_id,
        declineReason: row.decline_reason,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      };
    },

    /** Charges neither declined nor credited, unchanged since before `olderThan`; oldest first. */
    async openCharges(olderThan: Instant, limit: number): Promise<ChargeId[]> {
      const rows = await ask(() =>
        db.getRepository(ChargeRow).find({
          where: { status: In(['requested', 'approved']), updated_at: LessThan(olderThan) },
          order: { updated_at: 'ASC' },
          take: limit,
        }),
      );
      return rows.map((row) => row.charge_id);
    },
  };
}
