import type { EventStore } from '../../event-store/port.js';
import type { OrderId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type OrderEvents, orderEvents } from './fan-at.js';
import { ofTypes, readStream, type StoredEventOf, upTo } from './past-events.js';
import type { Asked, HistoryReply, Moment, Related, Viewer } from './port.js';
import type { PaymentFailure, Reason } from './reasons.js';
import { type SeatEvents, seatEvents } from './seat-timeline.js';
import { historyPage, personFor, type Timeline, type TimelineEntry } from './timeline.js';

/** The history of an order; null when there is none, or the viewer may not see it. */
export async function whyOrder(
  store: EventStore,
  orderId: OrderId,
  asked: Asked,
): Promise<HistoryReply | null> {
  const events = await orderEvents(store, orderId);
  const [placed] = ofTypes(events, 'OrderPlaced');
  if (!placed || !mayRead(asked.viewer, placed.data.userId)) return null;
  const [failed] = ofTypes(events, 'OrderFailed');
  const evidence = failed ? await evidenceOf(store, placed, failed) : { balance: null, seat: [] };
  return historyPage(orderTimeline(placed, events, asked.viewer, evidence), asked);
}

/** Whether a viewer may see what belongs to a user. */
export function mayRead(viewer: Viewer, owner: UserId): boolean {
  return viewer.kind === 'operator' || viewer.userId === owner;
}

/** The state of the wallet, or the seat's events, when the order failed. */
async function evidenceOf(
  store: EventStore,
  { data: { userId, items } }: StoredEventOf<'OrderPlaced'>,
  { data: { reason, seatId }, position }: StoredEventOf<'OrderFailed'>,
): Promise<FailureEvidence> {
  const moment: Moment = { kind: 'position', position };
  if (reason === 'insufficient-points') {
    const movements = await readStream(store, streams.wallet(userId));
    const last = ofTypes(upTo(movements, moment), 'PointsCharged', 'PointsSpent', 'PointsRefunded').at(-1);
    return { balance: last?.data.balance ?? 0, seat: [] };
  }
  const item = items.find((item) => item.seatId === seatId);
  const seat = item ? upTo(await seatEvents(store, item.scheduleId, item.seatId), moment) : [];
  return { balance: null, seat };
}

/** The evidence for the failure of an order. */
export interface FailureEvidence {
  /** Points in the wallet; null when the failure had another reason. */
  readonly balance: number | null;
  /** Events of the seat that could not be reserved, up to the failure. */
  readonly seat: SeatEvents;
}

/** What happened to an order. @param evidence used only when its payment failed. */
export function orderTimeline(
  placed: StoredEventOf<'OrderPlaced'>,
  events: OrderEvents,
  viewer: Viewer,
  evidence: FailureEvidence,
): Timeline {
  const { userId, items, total } = placed.data;
  const who = personFor(viewer, userId);
  const reasonOf = (event: OrderEvents[number]): Reason => {
    switch (event.type) {
      case 'OrderPlaced':
        return { kind: 'order-placed', who, seats: items.length, total };
      case 'OrderPaid':
        return { kind: 'order-paid', total: event.data.total };
      case 'OrderFailed':
        return { kind: 'order-failed', failure: failureOf(event, placed, viewer, evidence) };
      case 'OrderCancelled':
        return { kind: 'order-cancelled', cause: event.data.cause, note: event.data.note ?? null };
      case 'OrderItemsCancelled': {
        const { cause, note = null, items: given, amount } = event.data;
        const seatIds = given.map(({ seatId }) => seatId);
        return { kind: 'order-items-cancelled', cause, note, seatIds, amount };
      }
      case 'OrderItemsRefunded':
        return { kind: 'order-items-refunded', amount: event.data.amount };
      case 'OrderRefunded':
        return { kind: 'order-refunded', amount: event.data.amount };
    }
  };
  const entries = events.map((event): TimelineEntry => {
    return { event, who, reason: reasonOf(event), related: relatedOf(event, placed) };
  });
  // A refund is not the outcome of an order, and seats given back leave the rest of it standing.
  const decisive = entries.findLast(({ reason: { kind } }) => !isBesideOutcome(kind))?.reason;
  const isOpen = decisive === undefined || decisive.kind === 'order-placed';
  return { entries, summary: isOpen ? { kind: 'order-unpaid' } : decisive };
}

function isBesideOutcome(kind: Reason['kind']): boolean {
  return kind === 'order-refunded' || kind === 'order-items-cancelled' || kind === 'order-items-refunded';
}

/** Why a payment failed, with details from the log that the reason's code does not have. */
function failureOf(
  failed: StoredEventOf<'OrderFailed'>,
  placed: StoredEventOf<'OrderPlaced'>,
  viewer: Viewer,
  { balance, seat }: FailureEvidence,
): PaymentFailure {
  const { reason, seatId = null } = failed.data;
  const { items, total } = placed.data;
  if (reason === 'not-on-sale') return { kind: reason };
  if (reason === 'insufficient-points') {
    // A charge may have been credited between the refusal and its event.
    return { kind: reason, total, balance: balance !== null && balance < total ? balance : null };
  }
  const holdId = items.find((item) => item.seatId === seatId)?.holdId;
  const holds = seat.filter((event) => event.type === 'SeatHeld');
  const own = holds.find((event) => event.data.holdId === holdId);
  const deadline = own?.data.expiresAt ?? null;
  if (reason === 'hold-lapsed') return { kind: reason, seatId, deadline };
  const next = own && holds.find(({ revision }) => revision > own.revision);
  const taken = next ? { by: personFor(viewer, next.data.userId), at: next.at } : null;
  return { kind: reason, seatId, deadline, taken };
}

function relatedOf(event: OrderEvents[number], placed: StoredEventOf<'OrderPlaced'>): readonly Related[] {
  const { performanceId, tokenId, items } = placed.data;
  const seats = items.map(({ scheduleId, seatId }): Related => ({ kind: 'seat', scheduleId, seatId }));
  switch (event.type) {
    case 'OrderPlaced':
      return [{ kind: 'queue-token', performanceId, tokenId }, ...seats];
    case 'OrderFailed':
      return seats.filter((related) => related.kind === 'seat' && related.seatId === event.data.seatId);
    default:
      return [];
  }
}
