import type { Instant, PerformanceId } from '../../events/ids.js';
import type { Person, Viewer } from './port.js';
import { personFor, type Reason, type ReasonOf, relatedFor, type Story, type Told } from './reason.js';
import type { StoredEventOf } from './stored-event.js';

export type SeatEvents = readonly StoredEventOf<
  'SeatHeld' | 'SeatHoldReleased' | 'SeatHoldExpired' | 'SeatReserved' | 'SeatReservationCancelled'
>[];

type SeatNow = ReasonOf<'seat-now'>;

/**
 * What happened to one seat of one date. A fan is told of the own hold that lapsed and who got the seat then; an
 * operator of the last one that did.
 * @param now a hold whose deadline has passed is over, whether or not that was written.
 */
export function tellSeat(
  events: SeatEvents,
  viewer: Viewer,
  performanceId: PerformanceId,
  now: Instant,
): Story {
  const told: Told[] = [];
  let state: SeatNow['state'] = { kind: 'untouched' };
  let lapse: SeatNow['lapse'] = null;
  const lapsed = (who: Person, at: Instant) => {
    if (viewer.kind === 'operator' || who === 'you') lapse = { who, at, taken: null };
  };
  for (const event of events) {
    const who = personFor(viewer, event.data.userId);
    const reason = reasonOf(event, who, lapse);
    told.push({ event, who, reason, related: relatedOf(event, who, performanceId) });
    switch (reason.kind) {
      case 'seat-held':
        state = { kind: 'held', who, until: reason.until };
        lapse = afterHold(lapse, who, event.at);
        break;
      case 'seat-sold':
        state = { kind: 'sold', who };
        break;
      case 'hold-lapsed':
        lapsed(who, reason.at);
        state = { kind: 'free' };
        break;
      default:
        state = { kind: 'free' };
    }
  }
  if (state.kind === 'held' && state.until <= now) {
    lapsed(state.who, state.until);
    state = { kind: 'free' };
  }
  return { told, summary: { kind: 'seat-now', state, lapse } };
}

/** Who holds the seat again has lost nothing; the first other one to hold it has taken it. */
function afterHold(lapse: SeatNow['lapse'], who: Person, at: Instant): SeatNow['lapse'] {
  if (lapse?.who === who) return null;
  return lapse && !lapse.taken ? { ...lapse, taken: { by: who, at } } : lapse;
}

function reasonOf(event: SeatEvents[number], who: Person, lapse: SeatNow['lapse']): Reason {
  switch (event.type) {
    case 'SeatHeld': {
      const isTaken = lapse !== null && lapse.taken === null && lapse.who !== who;
      const until = event.data.expiresAt;
      return { kind: 'seat-held', who, until, lapse: isTaken ? { who: lapse.who, at: lapse.at } : null };
    }
    case 'SeatHoldReleased':
      return { kind: 'hold-released', who, why: event.data.reason };
    case 'SeatHoldExpired':
      return { kind: 'hold-lapsed', who, at: event.data.expiredAt };
    case 'SeatReserved':
      return { kind: 'seat-sold', who };
    case 'SeatReservationCancelled':
      return { kind: 'reservation-cancelled', who, why: event.data.reason };
  }
}

function relatedOf(event: SeatEvents[number], who: Person, performanceId: PerformanceId): Told['related'] {
  switch (event.type) {
    case 'SeatHeld':
      return relatedFor(who, { kind: 'queue-token', performanceId, tokenId: event.data.tokenId });
    case 'SeatReserved':
    case 'SeatReservationCancelled':
      return relatedFor(who, { kind: 'order', orderId: event.data.orderId });
    default:
      return [];
  }
}
