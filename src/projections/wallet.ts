import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ChargeId, Instant, OrderId, PaymentId, UserId } from '../events/ids.js';
import type { AttentionCause } from '../events/wallet-events.js';
import { bigint, int, moment, nullable, uuid, varchar } from './engine/entity.js';
import type { Projected, Projection, WantRow } from './engine/projection.js';
import type { UnitOfWork } from './engine/unit-of-work.js';

/** A fan's wallet: the points left. */
@Entity('points')
export class WalletRow {
  @PrimaryColumn(uuid) readonly user_id!: UserId;
  @Column(bigint) readonly remain_point!: number;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Every movement of points; `revision` is the event's in the wallet's stream. */
@Entity('wallet_history')
export class WalletHistoryRow {
  @PrimaryColumn(uuid) readonly user_id!: UserId;
  @PrimaryColumn(int) readonly revision!: number;
  @Column(varchar(8)) readonly kind!: 'charged' | 'spent' | 'refunded';
  @Column(bigint) readonly amount!: number;
  @Column(bigint) readonly balance!: number;
  @Column(nullable(uuid)) readonly charge_id!: ChargeId | null;
  @Column(nullable(uuid)) readonly order_id!: OrderId | null;
  @Column(bigint) readonly position!: number;
  @Column(moment) readonly created_at!: Instant;
}

@Entity('charges')
@Index(['status', 'updated_at'])
export class ChargeRow {
  @PrimaryColumn(uuid) readonly charge_id!: ChargeId;
  @Column(uuid) readonly user_id!: UserId;
  @Column(bigint) readonly amount!: number;
  /** `attention`: needs an operator. */
  @Column(varchar(9)) readonly status!: 'requested' | 'approved' | 'declined' | 'credited' | 'attention';
  @Column(nullable(varchar(100))) readonly payment_id!: PaymentId | null;
  @Column(nullable(varchar(200))) readonly decline_reason!: string | null;
  /** Why it needs or needed an operator; null when it never did. */
  @Column(nullable(varchar(30))) readonly attention_cause!: AttentionCause | null;
  @Column(nullable(varchar(500))) readonly attention_reason!: string | null;
  /** The reason that the operator gave when settling it. */
  @Column(nullable(varchar(500))) readonly settle_reason!: string | null;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

type Movement = Projected<'PointsCharged' | 'PointsSpent' | 'PointsRefunded'>;

/** Wallets, their history, and the charges that fill them. */
export const walletsProjection: Projection = {
  name: 'wallets',
  version: 3,
  entities: [WalletRow, WalletHistoryRow, ChargeRow],
  on: {
    UserRegistered({ data, at }, rows) {
      rows.put(WalletRow, { user_id: data.userId, remain_point: 0, created_at: at, updated_at: at });
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
      rows.put(ChargeRow, {
        charge_id: data.chargeId,
        user_id: data.userId,
        amount: data.amount,
        status: 'requested',
        payment_id: null,
        decline_reason: null,
        attention_cause: null,
        attention_reason: null,
        settle_reason: null,
        created_at: at,
        updated_at: at,
      });
    },
    ChargeApproved: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, { status: 'approved', payment_id: data.paymentId, updated_at: at }),
    ChargeDeclined: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, { status: 'declined', decline_reason: data.reason, updated_at: at }),
    ChargeNeedsAttention: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, {
        status: 'attention',
        attention_cause: data.cause,
        attention_reason: data.reason,
        ...(data.paymentId === undefined ? {} : { payment_id: data.paymentId }),
        updated_at: at,
      }),
    ChargeSettled: ({ data, at }, rows) =>
      changeCharge(rows, data.chargeId, {
        status: data.outcome === 'credited' ? 'approved' : 'declined',
        settle_reason: data.reason,
        updated_at: at,
      }),
  },
  reads: {
    UserRegistered: ({ data, revision }, want) => want(WalletRow, { user_id: data.userId }, revision === 0),
    ChargeRequested: ({ data, revision }, want) =>
      want(ChargeRow, { charge_id: data.chargeId }, revision === 0),
    PointsCharged(event, want) {
      wantWallet(event, want);
      want(ChargeRow, { charge_id: event.data.chargeId });
    },
    PointsSpent: wantWallet,
    PointsRefunded: wantWallet,
    ChargeApproved: wantCharge,
    ChargeDeclined: wantCharge,
    ChargeNeedsAttention: wantCharge,
    ChargeSettled: wantCharge,
  },
};

function wantWallet({ data }: Movement, want: WantRow): void {
  want(WalletRow, { user_id: data.userId });
}

function wantCharge({ data }: { readonly data: { readonly chargeId: ChargeId } }, want: WantRow): void {
  want(ChargeRow, { charge_id: data.chargeId });
}

/** The balance is the event's own. A refund of nothing only bars an order from spending: no entry. */
async function move(
  { data, at, revision, position }: Movement,
  rows: UnitOfWork,
  entry: Pick<WalletHistoryRow, 'kind' | 'charge_id' | 'order_id'>,
): Promise<void> {
  const wallet = await rows.get(WalletRow, { user_id: data.userId });
  rows.put(WalletRow, {
    user_id: data.userId,
    remain_point: data.balance,
    created_at: wallet?.created_at ?? at,
    updated_at: at,
  });
  if (data.amount === 0) return;
  const { amount, balance, userId } = data;
  rows.put(WalletHistoryRow, {
    ...entry,
    user_id: userId,
    revision,
    amount,
    balance,
    position,
    created_at: at,
  });
}

async function changeCharge(rows: UnitOfWork, id: ChargeId, change: Partial<ChargeRow>): Promise<void> {
  const charge = await rows.get(ChargeRow, { charge_id: id });
  if (charge) rows.put(ChargeRow, { ...charge, ...change });
}
