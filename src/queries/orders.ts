import type { DataSource } from 'typeorm';
import type { Instant, OrderId, UserId } from '../events/ids.js';
import type { Sold } from '../events/order-events.js';
import { storedMoment } from '../projections/engine/entity.js';
import type {
  OrderItemRow,
  OrderRow,
  PaymentPointsRow,
  PaymentRow,
  ReservationRow,
} from '../projections/orders.js';
import { pickName } from './catalog.js';
import { selectAll } from './database.js';
import { decodeCursor, lastMoment, momentAndId, type OpenItem, rowsToRead, toPage } from './paging.js';
import type { QueryContext } from './queries.js';
import {
  type OrderItemReply,
  type OrderReply,
  presentFields,
  type ReservationReply,
  soldFields,
} from './replies/booking.js';
import type { Translations } from './replies/catalog.js';
import type { Language, Page, PageRequest } from './replies/reply.js';
import { joinSeatNames, type SeatNameColumns, seatNameColumns } from './seats.js';

// SQL throughout: an order and its parts are read after every payment, the lists page by keys and join the names that are
// printed on a ticket, and open orders are a union.
export function orderQueries({ db }: QueryContext) {
  return {
    /** One order of the user in full; null when unknown, and when it is another user's. */
    async order(userId: UserId, orderId: OrderId): Promise<OrderReply | null> {
      const rows = await selectAll<OrderRow>(db, 'SELECT * FROM orders WHERE order_id = ?', [orderId]);
      const own = rows.filter((row) => row.user_id === userId);
      return (await toOrders(db, own))[0] ?? null;
    },

    /** A fan's orders, newest first. @throws {InvalidCursor} */
    async orders(userId: UserId, page: PageRequest): Promise<Page<OrderReply>> {
      const [before, id] = decodeCursor(page.cursor, momentAndId) ?? [lastMoment, ''];
      const date = storedMoment(before);
      const rows = await selectAll<OrderRow>(
        db,
        `SELECT * FROM orders
         WHERE user_id = ? AND (order_date < ? OR (order_date = ? AND order_id < ?))
         ORDER BY order_date DESC, order_id DESC LIMIT ${rowsToRead(page)}`,
        [userId, date, date, id],
      );
      const { items, nextCursor } = toPage(
        rows,
        page,
        (row) => row,
        (row) => [row.order_date, row.order_id],
      );
      return { items: await toOrders(db, items), nextCursor };
    },

    /** A fan's reservations with all that is printed on a ticket, newest first. @throws {InvalidCursor} */
    async reservations(
      userId: UserId,
      page: PageRequest,
      language: Language | null = null,
    ): Promise<Page<ReservationReply>> {
      const [before, id] = decodeCursor(page.cursor, momentAndId) ?? [lastMoment, ''];
      const date = storedMoment(before);
      const rows = await selectAll<TicketRow>(
        db,
        `SELECT r.*, ${seatNameColumns}, ${dateColumns}, sd.status, sd.refund_window_until,
           i.sold, i.cancelled_at, i.cancel_cause, i.cancel_note, i.refunded_at,
           p.names AS performance_names, v.names AS venue_names
         FROM reservations r ${joinSeatNames('r')} ${joinDate}
         LEFT JOIN order_items i ON i.order_id = r.order_id AND i.item_no = r.item_no
         WHERE r.user_id = ? AND (r.reservation_date < ? OR (r.reservation_date = ? AND r.reservation_id < ?))
         ORDER BY r.reservation_date DESC, r.reservation_id DESC LIMIT ${rowsToRead(page)}`,
        [userId, date, date, id],
        { ...dateAliases, performance_names: 'names', venue_names: 'names' },
      );
      return toPage(
        rows,
        page,
        (row) => toTicket(row, language),
        (row) => [row.reservation_date, row.reservation_id],
      );
    },

    /**
     * Orders placed, failed or cancelled but not refunded, or paid while the fan's token is still inside (the last
     * step of a checkout ends it), unchanged since before `olderThan`; those changed last come first.
     * @param after the last one seen; null to begin.
     */
    async openOrders(
      olderThan: Instant,
      after: OpenItem<OrderId> | null,
      limit: number,
    ): Promise<OpenItem<OrderId>[]> {
      const at = storedMoment(after?.updatedAt ?? lastMoment);
      const before = [storedMoment(olderThan), at, at, after?.id ?? ''];
      const rows = await selectAll<Pick<OrderRow, 'order_id' | 'updated_at'>>(
        db,
        `SELECT order_id, updated_at FROM orders WHERE settled = 0
           AND updated_at < ? AND (updated_at < ? OR (updated_at = ? AND order_id < ?))
         UNION ALL
         SELECT o.order_id, o.updated_at
         FROM tokens t JOIN orders o ON o.user_id = t.user_id AND o.token_id = t.token_id
         WHERE t.status = 'entered' AND o.order_status = 'paid'
           AND o.updated_at < ? AND (o.updated_at < ? OR (o.updated_at = ? AND o.order_id < ?))
         ORDER BY updated_at DESC, order_id DESC LIMIT ?`,
        [...before, ...before, limit],
      );
      return rows.map((row) => ({ id: row.order_id, updatedAt: row.updated_at }));
    },
  };
}

/** Of a ticket's performance, date and hall, as they are now. */
interface DateColumns {
  readonly performance_name: string | null;
  readonly starts_at: Instant | null;
  readonly time_zone: string | null;
  readonly venue_name: string | null;
}

type CancelColumns = Pick<
  OrderItemRow,
  'price' | 'cancelled_at' | 'cancel_cause' | 'cancel_note' | 'refunded_at'
>;
type ItemRow = OrderItemRow & SeatNameColumns & DateColumns;
type PaymentPointRow = PaymentPointsRow & { readonly order_id: OrderId };
type TicketRow = ReservationRow &
  SeatNameColumns &
  DateColumns &
  CancelColumns & {
    readonly sold: Sold | null;
    readonly status: 'scheduled' | 'cancelled' | null;
    readonly refund_window_until: Instant | null;
    readonly performance_names: Translations | null;
    readonly venue_names: Translations | null;
  };

/** Columns of {@link DateColumns}, with {@link joinSeatNames} and {@link joinDate}. */
const dateColumns = 'sd.schedule_date_time AS starts_at, sd.time_zone, v.venue_name, p.performance_name';
const dateAliases = { starts_at: 'schedule_date_time' };
const joinDate = `LEFT JOIN venues v ON v.venue_id = sd.venue_id
    LEFT JOIN performances p ON p.performance_id = sd.performance_id`;

/** Completes orders (one page at most) with items, payments and reservations. */
async function toOrders(db: DataSource, orders: readonly OrderRow[]): Promise<OrderReply[]> {
  if (orders.length === 0) return [];
  const ids = orders.map((order) => order.order_id);
  const anyOf = `IN (${ids.map(() => '?').join(', ')})`;
  const items = await selectAll<ItemRow>(
    db,
    `SELECT i.*, ${seatNameColumns}, ${dateColumns} FROM order_items i ${joinSeatNames('i')} ${joinDate}
     WHERE i.order_id ${anyOf} ORDER BY i.order_id, i.item_no`,
    ids,
    dateAliases,
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
    refundedAmount: order.refunded_amount ?? 0,
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
    ...soldFields(row.sold ?? presentWords(row)),
    present: presentFields(row.sold, presentWords(row)),
    cancellation: toCancellation(row),
  };
}

/** What the catalog says now of a seat that was sold. */
function presentWords(row: SeatNameColumns & DateColumns): Partial<Sold> {
  return {
    ...(row.performance_name === null ? {} : { performanceName: row.performance_name }),
    ...(row.venue_name === null ? {} : { venueName: row.venue_name }),
    ...(row.starts_at === null ? {} : { startsAt: row.starts_at }),
    ...(row.time_zone === null ? {} : { timeZone: row.time_zone }),
    ...(row.section_name === null ? {} : { sectionName: row.section_name }),
    ...(row.seat_row === null ? {} : { row: row.seat_row }),
    ...(row.seat_number === null ? {} : { number: row.seat_number }),
    ...(row.category === null ? {} : { category: row.category }),
    ...row.features,
  };
}

function toCancellation(row: CancelColumns): OrderItemReply['cancellation'] {
  const { cancelled_at: cancelledAt, cancel_cause: cause, cancel_note: note, refunded_at: refundedAt } = row;
  if (cancelledAt === null || cause === null) return null;
  return { cancelledAt, cause, note, refund: refundedAt === null ? null : { amount: row.price, refundedAt } };
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

/** The name that was sold; in the reader's language as long as the catalog still has that name. */
function sameOr(sold: string | undefined, present: string | null, translated: string | null): string | null {
  return sold === undefined || sold === present ? translated : sold;
}

function toTicket(row: TicketRow, language: Language | null): ReservationReply {
  const { sold } = row;
  const performanceName = pickName(row.performance_name, row.performance_names, language);
  const venueName = pickName(row.venue_name, row.venue_names, language);
  const words = presentWords(row);
  const present = presentFields(sold, words);
  return {
    reservationId: row.reservation_id,
    userId: row.user_id,
    orderId: row.order_id,
    seatId: row.seat_id,
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    ...soldFields(sold ?? words),
    performanceName: sameOr(sold?.performanceName, row.performance_name, performanceName),
    venueName: sameOr(sold?.venueName, row.venue_name, venueName),
    present: present && { ...present, performanceName, venueName },
    price: row.price,
    reservationDate: row.reservation_date,
    reservationStatus: row.reservation_status,
    cancellation: toCancellation(row),
    scheduleStatus: row.status,
    refundWindowUntil: row.refund_window_until,
  };
}
