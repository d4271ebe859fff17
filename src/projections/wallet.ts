import type { ChargeId, OrderId, PaymentId, UserId } from '../events/ids.js';
import type { Projected, Projection, WantRow } from './engine/projection.js';
import { bigint, defineTable, instant, int, nullable, type RowOf, uuid, varchar } from './engine/table.js';
import type { RowBatch } from './engine/unit-of-work.js';

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

type Movement = Projected<'PointsCharged' | 'PointsSpent' | 'PointsRefunded'>;

/** Wallets, their history, and the charges that fill them. */
export const walletsProjection: Projection = {
  name: 'wallets',
  version: 1,
  tables: [pointsTable, walletHistoryTable, chargesTable],
  on: {
    UserRegistered({ data, at }, rows) {
      rows.put(pointsTable, { user_id: data.userId, remain_point: 0, created_at: at, updated_at: at });
    },
    async PointsCharged(event, rows) {
      await move(event, rows, { kind: 'charged', charge_id: event.data.chargeId, order_id: null });
      await changeCharge(rows, event.data.chargeId, { status: 'credited', updated_at: event.at });
    },
    PointsSpent: (event, rows) =>
      move(event, rows, { kind: 'spent', charge_id: null, order_id: event.data.orderId }),
    PointsRefunded: (event, rows) =>
      move(event, rows, { kind: 'refunded', charge_id: null, order_id: event.data.orderId }),
    ChargeRequested({ data, at }, rows) {
      rows.put(chargesTable, {
        charge_id: data.chargeId,
        user_id: data.userId,
        amount: data.amount,
        status: 'requested',
        payment_id: null,
        decline_reason: null,
        created_at: at,
        updated_at: at,
      });
    },
    ChargeApproved: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, { status: 'approved', payment_id: data.paymentId, updated_at: at }),
    ChargeDeclined: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, { status: 'declined', decline_reason: data.reason, updated_at: at }),
  },
  reads: {
    UserRegistered: ({ data, revision }, want) => want(pointsTable, [data.userId], revision === 0),
    ChargeRequested: ({ data, revision }, want) => want(chargesTable, [data.chargeId], revision === 0),
    PointsCharged(event, want) {
      wantWallet(event, want);
      want(chargesTable, [event.data.chargeId]);
    },
    PointsSpent: wantWallet,
    PointsRefunded: wantWallet,
    ChargeApproved: ({ data }, want) => want(chargesTable, [data.chargeId]),
    ChargeDeclined: ({ data }, want) => want(chargesTable, [data.chargeId]),
  },
};

function wantWallet({ data }: Movement, want: WantRow): void {
  want(pointsTable, [data.userId]);
}

/** The balance is the event's own. A refund of nothing only bars an order from spending: no entry. */
async function move(
  { data, at, revision, position }: Movement,
  rows: RowBatch,
  entry: Pick<WalletHistoryRow, 'kind' | 'charge_id' | 'order_id'>,
): Promise<void> {
  const wallet = await rows.get(pointsTable, [data.userId]);
  rows.put(pointsTable, {
    user_id: data.userId,
    remain_point: data.balance,
    created_at: wallet?.created_at ?? at,
    updated_at: at,
  });
  if (data.amount === 0) return;
  const { amount, balance, userId } = data;
  rows.put(walletHistoryTable, {
    ...entry,
    user_id: userId,
    revision,
    amount,
    balance,
    position,
    created_at: at,
  });
}

async function changeCharge(rows: RowBatch, id: ChargeId, change: Partial<ChargeRow>): Promise<void> {
  const charge = await rows.get(chargesTable, [id]);
  if (charge) rows.put(chargesTable, { ...charge, ...change });
}
