import type {
  HoldId,
  OrderId,
  PaymentId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../../events/ids.js';
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
} from '../engine/table.js';

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
