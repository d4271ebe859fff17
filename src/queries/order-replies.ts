import type { DataSource } from 'typeorm';
import type { OrderId } from '../events/ids.js';
import type { RowOf } from '../projections/engine/table.js';
import type {
  OrderItemRow,
  OrderRow,
  paymentPointsTable,
  paymentsTable,
  reservationsTable,
} from '../projections/orders.js';
import type { OrderItemReply, OrderReply } from './replies.js';
import { joinSeatNames, type SeatNameColumns, seatNameColumns } from './seat-names.js';
import { selectAll } from './select.js';

type ItemRow = OrderItemRow & SeatNameColumns;
type PaymentRow = RowOf<typeof paymentsTable>;
type PaymentPointRow = RowOf<typeof paymentPointsTable> & { readonly order_id: OrderId };
type ReservationRow = RowOf<typeof reservationsTable>;

/** Completes orders (one page at most) with items, payments and reservations. */
export async function toOrders(db: DataSource, orders: readonly OrderRow[]): Promise<OrderReply[]> {
  if (orders.length === 0) return [];
  const ids = orders.map((order) => order.order_id);
  const anyOf = `IN (${ids.map(() => '?').join(', ')})`;
  const items = await selectAll<ItemRow>(
    db,
    `SELECT i.*, ${seatNameColumns} FROM order_items i ${joinSeatNames('i')}
     WHERE i.order_id ${anyOf} ORDER BY i.order_id, i.item_no`,
    ids,
  );
  const payments = await selectAll<PaymentRow>(
    db,
    `SELECT p.* FROM orders o JOIN payments p ON p.payment_id = o.payment_id WHERE o.order_id ${anyOf}`,
    ids,
  );
  const points = await selectAll<PaymentPointRow>(
    db,
    `SELECT w.*, o.order_id FROM orders o JOIN payment_points w ON w.payment_id = o.payment_id
     WHERE o.order_id ${anyOf}`,
    ids,
  );
  const reservations = await selectAll<ReservationRow>(
    db,
    `SELECT * FROM reservations WHERE order_id ${anyOf} ORDER BY order_id, item_no`,
    ids,
  );
  return orders.map((order) => ({
    orderId: order.order_id,
    userId: order.user_id,
    performanceId: order.performance_id,
    orderDate: order.order_date,
    totalAmount: order.total_amount,
    orderStatus: order.order_status,
    failureReason: order.failure_reason,
    items: ofOrder(items, order).map(toItem),
    payment: toPayment(ofOrder(payments, order)[0], ofOrder(points, order)),
    reservations: ofOrder(reservations, order).map(toReservation),
    updatedAt: order.updated_at,
  }));
}

function ofOrder<Row extends { readonly order_id: OrderId }>(rows: readonly Row[], order: OrderRow): Row[] {
  return rows.filter((row) => row.order_id === order.order_id);
}

function toItem(row: ItemRow): OrderItemReply {
  return {
    seatId: row.seat_id,
    scheduleId: row.schedule_id,
    quantity: 1,
    price: row.price,
    sectionName: row.section_name,
    row: row.seat_row,
    number: row.seat_number,
  };
}

function toPayment(
  payment: PaymentRow | undefined,
  points: readonly PaymentPointRow[],
): OrderReply['payment'] {
  if (!payment) return null;
  return {
    paymentId: payment.payment_id,
    amount: payment.amount,
    paymentStatus: payment.payment_status,
    paymentDate: payment.payment_date,
    points: points.map((point) => ({ userId: point.user_id, amount: point.amount })),
  };
}

function toReservation(row: ReservationRow): OrderReply['reservations'][number] {
  return {
    reservationId: row.reservation_id,
    seatId: row.seat_id,
    scheduleId: row.schedule_id,
    reservationDate: row.reservation_date,
    reservationStatus: row.reservation_status,
  };
}
