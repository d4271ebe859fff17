import type { OrderEvents } from './order-at.js';
import type { Related, Viewer } from './port.js';
import { type PaymentFailure, personFor, type Reason, type Story, type Told } from './reason.js';
import type { StoredEventOf } from './stored-event.js';
import type { SeatEvents } from './tell-seat.js';

/** What was known when an order failed. */
export interface FailureEvidence {
  /** Points in the wallet; null when that does not matter. */
  readonly balance: number | null;
  /** Events of the seat that could not be had, up to the failure. */
  readonly seat: SeatEvents;
}

/** What happened to an order. @param evidence used only when its payment failed. */
export function tellOrder(
  placed: StoredEventOf<'OrderPlaced'>,
  events: OrderEvents,
  viewer: Viewer,
  evidence: FailureEvidence,
): Story {
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
        return { kind: 'order-cancelled' };
      case 'OrderRefunded':
        return { kind: 'order-refunded', amount: event.data.amount };
    }
  };
  const told = events.map((event): Told => {
    return { event, who, reason: reasonOf(event), related: relatedOf(event, placed) };
  });
  // What was given back afterwards does not say how an order ended.
  const telling = told.findLast(({ reason }) => reason.kind !== 'order-refunded')?.reason;
  const isOpen = telling === undefined || telling.kind === 'order-placed';
  return { told, summary: isOpen ? { kind: 'order-unpaid' } : telling };
}

/** Why a payment failed: the log shows what the reason's code only names. */
function failureOf(
  failed: StoredEventOf<'OrderFailed'>,
  placed: StoredEventOf<'OrderPlaced'>,
  viewer: Viewer,
  { balance, seat }: FailureEvidence,
): PaymentFailure {
  const { reason, seatId = null } = failed.data;
  const { items, total } = placed.data;
  if (reason === 'insufficient-points') {
    // A charge may have come in between the refusal and its record.
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
