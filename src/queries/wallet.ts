import { LessThan } from 'typeorm';
import { z } from 'zod';
import type { ChargeId, Instant, UserId } from '../events/ids.js';
import { storedMoment } from '../projections/engine/entity.js';
import { ChargeRow, WalletHistoryRow, WalletRow } from '../projections/wallet.js';
import { ask, selectAll } from './database.js';
import {
  decodeCursor,
  firstMoment,
  lastMoment,
  momentAndId,
  type OpenItem,
  rowsToRead,
  toPage,
} from './paging.js';
import type { QueryContext } from './queries.js';
import type {
  ChargeReply,
  ChargeStatus,
  OperatedChargeReply,
  WalletEntryReply,
  WalletReply,
} from './replies/account.js';
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
      return chargeFields(row);
    },

    /** All charges of a status; those that have had it for the longest time come first. @throws {InvalidCursor} */
    async chargesByStatus(status: ChargeStatus, page: PageRequest): Promise<Page<OperatedChargeReply>> {
      const [updatedAt, chargeId] = decodeCursor(page.cursor, momentAndId) ?? [firstMoment, ''];
      const rows = await ask(() =>
        db
          .createQueryBuilder(ChargeRow, 'c')
          .where('c.status = :status', { status: rowStatuses[status] })
          .andWhere('(c.updated_at > :at OR (c.updated_at = :at AND c.charge_id > :id))', {
            at: storedMoment(updatedAt),
            id: chargeId,
          })
          .orderBy('c.updated_at')
          .addOrderBy('c.charge_id')
          .take(rowsToRead(page))
          .getMany(),
      );
      return toPage(
        rows,
        page,
        (row) => ({
          ...chargeFields(row),
          attention:
            row.attention_cause === null
              ? null
              : { cause: row.attention_cause, reason: row.attention_reason ?? '' },
          settleReason: row.settle_reason,
        }),
        (row) => [row.updated_at, row.charge_id],
      );
    },

    /** How many charges need an operator. */
    chargesNeedingAttention(): Promise<number> {
      return ask(() => db.getRepository(ChargeRow).countBy({ status: 'attention' }));
    },

    /**
     * Charges neither declined nor credited nor left to an operator, unchanged since before `olderThan`; those changed
     * last come first.
     * @param after the last one seen; null to begin.
     */
    async openCharges(
      olderThan: Instant,
      after: OpenItem<ChargeId> | null,
      limit: number,
    ): Promise<OpenItem<ChargeId>[]> {
      const at = storedMoment(after?.updatedAt ?? lastMoment);
      const rows = await selectAll<Pick<ChargeRow, 'charge_id' | 'updated_at'>>(
        db,
        `SELECT charge_id, updated_at FROM charges WHERE status IN ('requested', 'approved')
           AND updated_at < ? AND (updated_at < ? OR (updated_at = ? AND charge_id < ?))
         ORDER BY updated_at DESC, charge_id DESC LIMIT ?`,
        [storedMoment(olderThan), at, at, after?.id ?? '', limit],
      );
      return rows.map((row) => ({ id: row.charge_id, updatedAt: row.updated_at }));
    },
  };
}

/** The fields that both replies about a charge share. */
function chargeFields(row: ChargeRow) {
  return {
    chargeId: row.charge_id,
    userId: row.user_id,
    amount: row.amount,
    status: replyStatuses[row.status],
    paymentId: row.payment_id,
    declineReason: row.decline_reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const rowStatuses = {
  pending: 'requested',
  approved: 'approved',
  credited: 'credited',
  declined: 'declined',
  'needs-attention': 'attention',
} as const satisfies Record<ChargeStatus, ChargeRow['status']>;

const replyStatuses = {
  requested: 'pending',
  approved: 'approved',
  credited: 'credited',
  declined: 'declined',
  attention: 'needs-attention',
} as const satisfies Record<ChargeRow['status'], ChargeStatus>;
