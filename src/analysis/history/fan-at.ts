import { findSeat } from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import type { OrderId, ScheduleId, SeatId, UserId } from '../../events/ids.js';
import { itemKey, type OrderItem, type Sold } from '../../events/order-events.js';
import { streams } from '../../events/streams.js';
import { deriveId } from '../../platform/derive-id.js';
import type { WalletReply } from '../../queries/replies/account.js';
import {
  type OrderItemReply,
  type OrderReply,
  type OrderStatus,
  presentFields,
  soldFields,
} from '../../queries/replies/booking.js';
import { performanceAt, scheduleAt, type VenuePlans } from './catalog-at.js';
import { asOf, ofTypes, readStream, type StoredEventOf, upTo } from './past-events.js';
import type { Moment, Then } from './port.js';

export type OrderEvents = readonly StoredEventOf<
  | 'OrderPlaced'
  | 'OrderPaid'
  | 'OrderFailed'
  | 'OrderItemsCancelled'
  | 'OrderItemsRefunded'
  | 'OrderCancelled'
  | 'OrderRefunded'
>[];

/** All events of an order's stream. */
export async function orderEvents(store: EventStore, orderId: OrderId): Promise<OrderEvents> {
  const events = await readStream(store, streams.order(orderId));
  return ofTypes(
    events,
    'OrderPlaced',
    'OrderPaid',
    'OrderFailed',
    'OrderItemsCancelled',
    'OrderItemsRefunded',
    'OrderCancelled',
    'OrderRefunded',
  );
}

/** An order as of a moment; unknown also when it belongs to another user. */
export async function orderAt(
  { store, plans }: { readonly store: EventStore; readonly plans: VenuePlans },
  userId: UserId,
  orderId: OrderId,
  moment: Moment,
): Promise<Then<OrderReply>> {
  const all = await orderEvents(store, orderId);
  const [placed] = all;
  if (placed?.type !== 'OrderPlaced' || placed.data.userId !== userId) return { kind: 'unknown' };
  const events = upTo(all, moment);
  if (events.length === 0) return { kind: 'not-yet', since: placed.at };
  const { performanceId, total, items } = placed.data;
  const paid = ofTypes(events, 'OrderPaid')[0];
  const failed = ofTypes(events, 'OrderFailed')[0];
  const refunded = ofTypes(events, 'OrderRefunded')[0];
  return {
    kind: 'known',
    reply: {
      orderId,
      userId,
      performanceId,
      orderDate: placed.at,
      totalAmount: total,
      refundedAmount: ofTypes(events, 'OrderItemsRefunded', 'OrderRefunded').reduce(
        (sum, { data }) => sum + data.amount,
        0,
      ),
      orderStatus: statusOf(events),
      failureReason: failed?.data.reason ?? null,
      items: await Promise.all(
        items.map((item) => toItem({ store, plans }, item, cancellationOf(events, item), moment)),
      ),
      payment: paid
        ? {
            paymentId: paid.data.paymentId,
            amount: paid.data.total,
            paymentStatus: refunded ? 'refunded' : 'completed',
            paymentDate: paid.at,
            points: [{ userId, amount: paid.data.total }],
          }
        : null,
      reservations: paid
        ? items.map((item) => ({
            // The same derivation as the read model's.
            reservationId: deriveId('reservation', orderId, item.scheduleId, item.seatId),
            seatId: item.seatId,
            scheduleId: item.scheduleId,
            reservationDate: paid.at,
            reservationStatus: cancellationOf(events, item) ? 'cancelled' : 'confirmed',
          }))
        : [],
      updatedAt: (events.at(-1) ?? placed).at,
      asOf: asOf(moment, events),
    },
  };
}

/** A failed order stays failed when its points are refunded. */
function statusOf(events: OrderEvents): OrderStatus {
  const types = new Set(events.map(({ type }) => type));
  if (types.has('OrderFailed')) return 'failed';
  if (types.has('OrderRefunded')) return 'refunded';
  if (types.has('OrderCancelled')) return 'cancelled';
  return types.has('OrderPaid') ? 'paid' : 'placed';
}

/** When and why a seat was given back; null while the order has it. */
function cancellationOf(events: OrderEvents, item: OrderItem): OrderItemReply['cancellation'] {
  const event = ofTypes(events, 'OrderItemsCancelled', 'OrderCancelled').find(
    ({ type, data }) =>
      type === 'OrderCancelled' || data.items.some((given) => itemKey(given) === itemKey(item)),
  );
  if (!event) return null;
  const refunded =
    event.type === 'OrderCancelled'
      ? ofTypes(events, 'OrderRefunded')[0]
      : ofTypes(events, 'OrderItemsRefunded').find(({ data }) => data.refundId === event.data.refundId);
  return {
    cancelledAt: event.at,
    cause: event.data.cause,
    note: event.data.note ?? null,
    refund: refunded ? { amount: item.price, refundedAt: refunded.at } : null,
  };
}

/** An item as it was sold, with what the catalog said of it at that moment. */
async function toItem(
  { store, plans }: { readonly store: EventStore; readonly plans: VenuePlans },
  { scheduleId, seatId, price, sold }: OrderItem,
  cancellation: OrderItemReply['cancellation'],
  moment: Moment,
): Promise<OrderItemReply> {
  const words = await wordsAt({ store, plans }, scheduleId, seatId, moment);
  const present = presentFields(sold, words);
  return { seatId, scheduleId, quantity: 1, price, ...soldFields(sold ?? words), present, cancellation };
}

async function wordsAt(
  { store, plans }: { readonly store: EventStore; readonly plans: VenuePlans },
  scheduleId: ScheduleId,
  seatId: SeatId,
  moment: Moment,
): Promise<Partial<Sold>> {
  const schedule = await scheduleAt(store, scheduleId, moment);
  if (schedule.kind !== 'known') return {};
  const { performanceId, venueId, startsAt, timeZone } = schedule.details;
  const performance = await performanceAt(store, performanceId, moment);
  const plan = await plans.at(venueId, moment);
  const seat = plan && findSeat(plan.state, seatId);
  const venueName = plan?.state.details?.name;
  return {
    startsAt,
    timeZone,
    ...(performance.kind === 'known' ? { performanceName: performance.details.name } : {}),
    ...(venueName === undefined ? {} : { venueName }),
    ...(seat
      ? { sectionName: seat.sectionName, row: seat.row, number: seat.number, category: seat.category }
      : {}),
  };
}

/** A fan's points as of a moment. The wallet exists since the account does. */
export async function walletAt(
  store: EventStore,
  userId: UserId,
  moment: Moment,
): Promise<Then<WalletReply>> {
  const [registered] = ofTypes(await readStream(store, streams.user(userId)), 'UserRegistered');
  if (!registered) return { kind: 'unknown' };
  if (upTo([registered], moment).length === 0) return { kind: 'not-yet', since: registered.at };
  const movements = ofTypes(
    await readStream(store, streams.wallet(userId)),
    'PointsCharged',
    'PointsSpent',
    'PointsRefunded',
  );
  const last = upTo(movements, moment).at(-1);
  return {
    kind: 'known',
    reply: {
      userId,
      balance: last?.data.balance ?? 0,
      createdAt: registered.at,
      updatedAt: last?.at ?? registered.at,
      asOf: asOf(moment, last ? [registered, last] : [registered]),
    },
  };
}
