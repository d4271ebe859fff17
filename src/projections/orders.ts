import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type {
  HoldId,
  Instant,
  OrderId,
  PaymentId,
  PerformanceId,
  RefundId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../events/ids.js';
import { type CancellationCause, itemKey, type Sold } from '../events/order-events.js';
import { deriveId } from '../platform/derive-id.js';
import { bigint, flag, int, json, moment, nullable, uuid, varchar } from './engine/entity.js';
import type { Projected, Projection, WantRow } from './engine/projection.js';
import type { UnitOfWork } from './engine/unit-of-work.js';

@Entity('orders')
@Index(['user_id', 'order_date', 'order_id'])
@Index(['settled', 'updated_at'])
export class OrderRow {
  @PrimaryColumn(uuid) readonly order_id!: OrderId;
  @Column(uuid) readonly user_id!: UserId;
  @Column(uuid) readonly performance_id!: PerformanceId;
  @Column(uuid) readonly token_id!: TokenId;
  @Column(nullable(varchar(100))) readonly payment_id!: PaymentId | null;
  @Column(moment) readonly order_date!: Instant;
  @Column(bigint) readonly total_amount!: number;
  @Column(int) readonly item_count!: number;
  @Column(varchar(9)) readonly order_status!: 'placed' | 'paid' | 'failed' | 'cancelled' | 'refunded';
  @Column(nullable(varchar(30))) readonly failure_reason!: string | null;
  /** True when nothing is left to do: paid, without a refund of seats under way, or its points and seats given back. */
  @Column(flag) readonly settled!: boolean;
  /** Points given back so far; null before any. */
  @Column(nullable(bigint)) readonly refunded_amount!: number | null;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

@Entity('order_items')
export class OrderItemRow {
  @PrimaryColumn(uuid) readonly order_id!: OrderId;
  @PrimaryColumn(int) readonly item_no!: number;
  @Column(uuid) readonly schedule_id!: ScheduleId;
  @Column(varchar(64)) readonly seat_id!: SeatId;
  @Column(uuid) readonly hold_id!: HoldId;
  @Column(int) readonly quantity!: number;
  @Column(bigint) readonly price!: number;
  /** What the ticket says; null in orders of older builds. */
  @Column(nullable(json)) readonly sold!: Sold | null;
  /** Null while the seat is the order's. */
  @Column(nullable(moment)) readonly cancelled_at!: Instant | null;
  /** Why it was given back, and in the operator's or organiser's words. */
  @Column(nullable(varchar(30))) readonly cancel_cause!: CancellationCause | null;
  @Column(nullable(varchar(500))) readonly cancel_note!: string | null;
  /** The partial refund that gives it back; null when the order is given back as a whole. */
  @Column(nullable(uuid)) readonly refund_id!: RefundId | null;
  /** When its points were back. */
  @Column(nullable(moment)) readonly refunded_at!: Instant | null;
  @Column(moment) readonly created_at!: Instant;
}

/** What paid an order. */
@Entity('payments')
export class PaymentRow {
  @PrimaryColumn(varchar(100)) readonly payment_id!: PaymentId;
  @Column(uuid) readonly user_id!: UserId;
  @Column(uuid) readonly order_id!: OrderId;
  @Column(moment) readonly payment_date!: Instant;
  @Column(bigint) readonly amount!: number;
  @Column(varchar(9)) readonly payment_status!: 'completed' | 'refunded';
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Which wallet paid how much. */
@Entity('payment_points')
export class PaymentPointsRow {
  @PrimaryColumn(varchar(100)) readonly payment_id!: PaymentId;
  @PrimaryColumn(uuid) readonly user_id!: UserId;
  @Column(bigint) readonly amount!: number;
  @Column(moment) readonly created_at!: Instant;
}

@Entity('reservations')
@Index(['user_id', 'reservation_date', 'reservation_id'])
@Index(['order_id'])
export class ReservationRow {
  @PrimaryColumn(uuid) readonly reservation_id!: string;
  @Column(uuid) readonly user_id!: UserId;
  @Column(uuid) readonly order_id!: OrderId;
  @Column(int) readonly item_no!: number;
  @Column(uuid) readonly performance_id!: PerformanceId;
  @Column(uuid) readonly schedule_id!: ScheduleId;
  @Column(varchar(64)) readonly seat_id!: SeatId;
  @Column(bigint) readonly price!: number;
  @Column(moment) readonly reservation_date!: Instant;
  @Column(varchar(9)) readonly reservation_status!: 'confirmed' | 'cancelled';
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Orders, what paid them, and the reservations they bought. */
export const ordersProjection: Projection = {
  name: 'orders',
  version: 3,
  entities: [OrderRow, OrderItemRow, PaymentRow, PaymentPointsRow, ReservationRow],
  on: {
    OrderPlaced: placeOrder,
    OrderPaid: payOrder,
    async OrderFailed({ data, at }, rows) {
      const failure = { order_status: 'failed', failure_reason: data.reason } as const;
      await changeOrder(rows, data.orderId, { ...failure, settled: false, updated_at: at });
    },
    OrderItemsCancelled: cancelItems,
    OrderItemsRefunded: refundItems,
    OrderCancelled: cancelOrder,
    OrderRefunded: settleRefund,
  },
  reads: {
    OrderPlaced: ({ data, revision }, want) => want(OrderRow, { order_id: data.orderId }, revision === 0),
    OrderPaid: wantOrder,
    OrderFailed: wantOrder,
    OrderItemsCancelled: wantOrder,
    OrderItemsRefunded: wantOrder,
    OrderCancelled: wantOrder,
    OrderRefunded: wantOrder,
  },
};

function wantOrder({ data }: { readonly data: { readonly orderId: OrderId } }, want: WantRow): void {
  want(OrderRow, { order_id: data.orderId });
}

/** The id of the reservation of one seat by one order. */
export function reservationIdOf(orderId: OrderId, scheduleId: ScheduleId, seatId: SeatId): string {
  return deriveId('reservation', orderId, scheduleId, seatId);
}

function placeOrder({ data, at }: Projected<'OrderPlaced'>, rows: UnitOfWork): void {
  rows.put(OrderRow, {
    order_id: data.orderId,
    user_id: data.userId,
    performance_id: data.performanceId,
    token_id: data.tokenId,
    payment_id: null,
    order_date: at,
    total_amount: data.total,
    item_count: data.items.length,
    order_status: 'placed',
    failure_reason: null,
    settled: false,
    refunded_amount: null,
    created_at: at,
    updated_at: at,
  });
  for (const [itemNo, item] of data.items.entries()) {
    rows.put(OrderItemRow, {
      order_id: data.orderId,
      item_no: itemNo,
      schedule_id: item.scheduleId,
      seat_id: item.seatId,
      hold_id: item.holdId,
      quantity: 1,
      price: item.price,
      sold: item.sold,
      cancelled_at: null,
      cancel_cause: null,
      cancel_note: null,
      refund_id: null,
      refunded_at: null,
      created_at: at,
    });
  }
}

async function payOrder({ data, at }: Projected<'OrderPaid'>, rows: UnitOfWork): Promise<void> {
  const order = await changeOrder(rows, data.orderId, {
    order_status: 'paid',
    payment_id: data.paymentId,
    settled: true,
    updated_at: at,
  });
  const payment = { payment_id: data.paymentId, user_id: data.userId, amount: data.total, created_at: at };
  rows.put(PaymentPointsRow, payment);
  rows.put(PaymentRow, {
    ...payment,
    order_id: data.orderId,
    payment_date: at,
    payment_status: 'completed',
    updated_at: at,
  });
  if (!order) return;
  for (const item of await itemsOf(order, rows)) {
    rows.put(ReservationRow, {
      reservation_id: reservationIdOf(item.order_id, item.schedule_id, item.seat_id),
      user_id: order.user_id,
      order_id: order.order_id,
      item_no: item.item_no,
      performance_id: order.performance_id,
      schedule_id: item.schedule_id,
      seat_id: item.seat_id,
      price: item.price,
      reservation_date: at,
      reservation_status: 'confirmed',
      created_at: at,
      updated_at: at,
    });
  }
}

async function cancelItems({ data, at }: Projected<'OrderItemsCancelled'>, rows: UnitOfWork): Promise<void> {
  const order = await changeOrder(rows, data.orderId, { settled: false, updated_at: at });
  if (!order) return;
  const keys = new Set(data.items.map(itemKey));
  for (const item of await itemsOf(order, rows)) {
    if (keys.has(itemKey({ scheduleId: item.schedule_id, seatId: item.seat_id })))
      await cancelItem(rows, item, { data, at });
  }
}

async function refundItems({ data, at }: Projected<'OrderItemsRefunded'>, rows: UnitOfWork): Promise<void> {
  const order = await rows.get(OrderRow, { order_id: data.orderId });
  if (!order) return;
  const items = await itemsOf(order, rows);
  const isOpen = (item: OrderItemRow) => item.cancelled_at !== null && item.refunded_at === null;
  const refunded = items.filter((item) => isOpen(item) && item.refund_id === data.refundId);
  for (const item of refunded) rows.put(OrderItemRow, { ...item, refunded_at: at });
  const refunded_amount = (order.refunded_amount ?? 0) + data.amount;
  // Another refund may be under way; a cancelled order is settled by its OrderRefunded.
  const settled =
    order.order_status === 'paid' && items.filter(isOpen).every((item) => refunded.includes(item));
  rows.put(OrderRow, { ...order, refunded_amount, settled, updated_at: at });
}

async function cancelOrder({ data, at }: Projected<'OrderCancelled'>, rows: UnitOfWork): Promise<void> {
  const order = await changeOrder(rows, data.orderId, {
    order_status: 'cancelled',
    settled: false,
    updated_at: at,
  });
  if (!order) return;
  for (const item of await itemsOf(order, rows)) {
    if (item.cancelled_at === null) await cancelItem(rows, item, { data, at });
  }
}

async function cancelItem(
  rows: UnitOfWork,
  item: OrderItemRow,
  { data, at }: Pick<Projected<'OrderCancelled' | 'OrderItemsCancelled'>, 'data' | 'at'>,
): Promise<void> {
  const { cause, note = null } = data;
  const refund_id = 'refundId' in data ? data.refundId : null;
  rows.put(OrderItemRow, { ...item, cancelled_at: at, cancel_cause: cause, cancel_note: note, refund_id });
  const id = reservationIdOf(item.order_id, item.schedule_id, item.seat_id);
  const reservation = await rows.get(ReservationRow, { reservation_id: id });
  if (reservation)
    rows.put(ReservationRow, { ...reservation, reservation_status: 'cancelled', updated_at: at });
}

/** A failed order stays `failed` once its points are back: that is what the fan asks about. */
async function settleRefund({ data, at }: Projected<'OrderRefunded'>, rows: UnitOfWork): Promise<void> {
  const known = await rows.get(OrderRow, { order_id: data.orderId });
  if (!known) return;
  const order_status = known.order_status === 'failed' ? 'failed' : 'refunded';
  const refunded_amount = (known.refunded_amount ?? 0) + data.amount;
  rows.put(OrderRow, { ...known, order_status, refunded_amount, settled: true, updated_at: at });
  for (const item of await itemsOf(known, rows)) {
    if (item.cancelled_at !== null && item.refunded_at === null)
      rows.put(OrderItemRow, { ...item, refunded_at: at });
  }
  if (known.payment_id === null) return;
  const payment = await rows.get(PaymentRow, { payment_id: known.payment_id });
  if (payment) rows.put(PaymentRow, { ...payment, payment_status: 'refunded', updated_at: at });
}

async function changeOrder(
  rows: UnitOfWork,
  id: OrderId,
  change: Partial<OrderRow>,
): Promise<OrderRow | undefined> {
  const order = await rows.get(OrderRow, { order_id: id });
  if (!order) return undefined;
  const changed = { ...order, ...change };
  rows.put(OrderRow, changed);
  return changed;
}

async function itemsOf(order: OrderRow, rows: UnitOfWork): Promise<OrderItemRow[]> {
  const items: OrderItemRow[] = [];
  for (let itemNo = 0; itemNo < order.item_count; itemNo++) {
    const item = await rows.get(OrderItemRow, { order_id: order.order_id, item_no: itemNo });
    if (item) items.push(item);
  }
  return items;
}
