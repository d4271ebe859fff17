import type { ChargeId, OrderId, PaymentId, UserId } from '../../events/ids.js';
import { bigint, defineTable, instant, int, nullable, type RowOf, uuid, varchar } from '../engine/table.js';

/** A fan's wallet: the points left. */
export const pointsTable = defineTable('points', {
  columns: {
    user_id: uuid<UserId>(),
    remain_point: bigint(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['user_id'],
});

/** Every movement of points; `revision` is the event's in the wallet's stream. */
export const walletHistoryTable = defineTable('wallet_history', {
  columns: {
    user_id: uuid<UserId>(),
    revision: int(),
    kind: varchar<'charged' | 'spent' | 'refunded'>(8),
    amount: bigint(),
    balance: bigint(),
    charge_id: nullable(uuid<ChargeId>()),
    order_id: nullable(uuid<OrderId>()),
    position: bigint(),
    created_at: instant(),
  },
  key: ['user_id', 'revision'],
});
export type WalletHistoryRow = RowOf<typeof walletHistoryTable>;

export const chargesTable = defineTable('charges', {
  columns: {
    charge_id: uuid<ChargeId>(),
    user_id: uuid<UserId>(),
    amount: bigint(),
    status: varchar<'requested' | 'approved' | 'declined' | 'credited'>(9),
    payment_id: nullable(varchar<PaymentId>(100)),
    decline_reason: nullable(varchar(200)),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['charge_id'],
  indexes: [['status', 'updated_at']],
});
export type ChargeRow = RowOf<typeof chargesTable>;
