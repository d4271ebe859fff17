import type {
  HoldId,
  OrderId,
  PaymentId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../events/ids.js';
import { deriveId } from '../platform/derive-id.js';
import type { Projected, Projection, WantRow } from './engine/projection.js';
import {
  bigint,
  defineTable,
  flag,
  instant,
  int,
  nullable,
  type RowOf,
  uuid,
  varchar,
} from './engine/table.js';
import type { RowBatch } from './engine/unit-of-work.js';

export const ordersTable = defineTable('orders', {
  columns: {
    order_id: uuid<OrderId>(),
    user_id: uuid<UserId>(),
    performance_id: uuid<PerformanceId>(),
    token_id: uuid<TokenId>(),
    payment_id: nullable(varchar<PaymentId>(100)),
    order_date: instant(),
    total_amount: bigint(),
    item_count: int(),
    order_status: varchar<'placed' | 'paid' | 'failed' | 'cancelled' | 'refunded'>(9),
    failure_reason: nullable(varchar(30)),
    /** 1 when nothing is left to do: paid, or its points and seats given back. */
    settled: flag(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['order_id'],
  indexes: [
    ['user_id', 'order_date', 'order_id'],
    ['settled', 'updated_at'],
  ],
});
export type OrderRow = RowOf<typeof ordersTable>;

export const orderItemsTable = defineTable('order_items', {
  columns: {
    order_id: uuid<OrderId>(),
    item_no: int(),
    schedule_id: uuid<ScheduleId>(),
    seat_id: varchar<SeatId>(64),
    hold_id: uuid<HoldId>(),
    quantity: int(),
    price: bigint(),
    created_at: instant(),
  },
  key: ['order_id', 'item_no'],
});
export type OrderItemRow = RowOf<typeof orderItemsTable>;

/** What paid an order. */
export const paymentsTable = defineTable('payments', {
  columns: {
    payment_id: varchar<PaymentId>(100),
    user_id: uuid<UserId>(),
    order_id: uuid<OrderId>(),
    payment_date: instant(),
    amount: bigint(),
    payment_status: varchar<'completed' | 'refunded'>(9),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['payment_id'],
});

/** Which wallet paid how much. */
export const paymentPointsTable = defineTable('payment_points', {
  columns: {
    payment_id: varchar<PaymentId>(100),
    user_id: uuid<UserId>(),
    amount: bigint(),
    created_at: instant(),
  },
  key: ['payment_id', 'user_id'],
});

export const reservationsTable = defineTable('reservations', {
  columns: {
    reservation_id: uuid(),
    user_id: uuid<UserId>(),
    order_id: uuid<OrderId>(),
    item_no: int(),
    performance_id: uuid<PerformanceId>(),
    schedule_id: uuid<ScheduleId>(),
    seat_id: varchar<SeatId>(64),
    price: bigint(),
    reservation_date: instant(),
    reservation_status: varchar<'confirmed' | 'cancelled'>(9),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['reservation_id'],
  indexes: [['user_id', 'reservation_date', 'reservation_id'], ['order_id']],
});

/** Orders, what paid them, and the reservations they bought. */
export const ordersProjection: Projection = {
  name: 'orders',
  version: 1,
  tables: [ordersTable, orderItemsTable, paymentsTable, paymentPointsTable, reservationsTable],
  on: {
    OrderPlaced: placeOrder,
    OrderPaid: payOrder,
    async OrderFailed({ data, at }, rows) {
      const failure = { order_status: 'failed', failure_reason: data.reason } as const;
      await changeOrder(rows, data.orderId, { ...failure, settled: 0, updated_at: at });
    },
    OrderCancelled: cancelOrder,
    OrderRefunded: settleRefund,
  },
  reads: {
    OrderPlaced: ({ data, revision }, want) => want(ordersTable, [data.orderId], revision === 0),
    OrderPaid: wantOrder,
    OrderFailed: wantOrder,
    OrderCancelled: wantOrder,
    OrderRefunded: wantOrder,
  },
};

function wantOrder({ data }: { readonly data: { readonly orderId: OrderId } }, want: WantRow): void {
  want(ordersTable, [data.orderId]);
}

/** The id of the reservation of one seat by one order. */
export function reservationIdOf(orderId: OrderId, scheduleId: ScheduleId, seatId: SeatId): string {
  return deriveId('reservation', orderId, scheduleId, seatId);
}

function placeOrder({ data, at }: Projected<'OrderPlaced'>, rows: RowBatch): void {
  rows.put(ordersTable, {
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
    settled: 0,
    created_at: at,
    updated_at: at,
  });
  for (const [itemNo, item] of data.items.entries()) {
    rows.put(orderItemsTable, {
      order_id: data.orderId,
      item_no: itemNo,
      schedule_id: item.scheduleId,
      seat_id: item.seatId,
      hold_id: item.holdId,
      quantity: 1,
      price: item.price,
      created_at: at,
    });
  }
}

async function payOrder({ data, at }: Projected<'OrderPaid'>, rows: RowBatch): Promise<void> {
  const order = await changeOrder(rows, data.orderId, {
    order_status: 'paid',
    payment_id: data.paymentId,
    settled: 1,
    updated_at: at,
  });
  const payment = { payment_id: data.paymentId, user_id: data.userId, amount: data.total, created_at: at };
  rows.put(paymentPointsTable, payment);
  rows.put(paymentsTable, {
    ...payment,
    order_id: data.orderId,
    payment_date: at,
    payment_status: 'completed',
    updated_at: at,
  });
  if (!order) return;
  for (const item of await itemsOf(order, rows)) {
    rows.put(reservationsTable, {
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

async function cancelOrder({ data, at }: Projected<'OrderCancelled'>, rows: RowBatch): Promise<void> {
  const order = await changeOrder(rows, data.orderId, {
    order_status: 'cancelled',
    settled: 0,
    updated_at: at,
  });
  if (!order) return;
  for (const item of await itemsOf(order, rows)) {
    const id = reservationIdOf(item.order_id, item.schedule_id, item.seat_id);
    const reservation = await rows.get(reservationsTable, [id]);
    if (!reservation) continue;
    rows.put(reservationsTable, { ...reservation, reservation_status: 'cancelled', updated_at: at });
  }
}

/** A failed order stays `failed` once its points are back: that is what the fan asks about. */
async function settleRefund({ data, at }: Projected<'OrderRefunded'>, rows: RowBatch): Promise<void> {
  const known = await rows.get(ordersTable, [data.orderId]);
  if (!known) return;
  const order_status = known.order_status === 'failed' ? 'failed' : 'refunded';
  rows.put(ordersTable, { ...known, order_status, settled: 1, updated_at: at });
  if (known.payment_id === null) return;
  const payment = await rows.get(paymentsTable, [known.payment_id]);
  if (payment) rows.put(paymentsTable, { ...payment, payment_status: 'refunded', updated_at: at });
}

async function changeOrder(
  rows: RowBatch,
  id: OrderId,
  change: Partial<OrderRow>,
): Promise<OrderRow | undefined> {
  const order = await rows.get(ordersTable, [id]);
  if (!order) return undefined;
  const changed = { ...order, ...change };
  rows.put(ordersTable, changed);
  return changed;
}

async function itemsOf(order: OrderRow, rows: RowBatch): Promise<OrderItemRow[]> {
  const items: OrderItemRow[] = [];
  for (let itemNo = 0; itemNo < order.item_count; itemNo++) {
    const item = await rows.get(orderItemsTable, [order.order_id, itemNo]);
    if (item) items.push(item);
  }
  return items;
}
