import { findSeat } from '../../domain/catalog.js';
import { type EventStore, maxReadCount } from '../../event-store/port.js';
import type { Instant, PerformanceId, ScheduleId, SeatId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { Clock } from '../../platform/clock.js';
import { scheduleAt, type VenuePlans } from './catalog-at.js';
import { latest, ofTypes, type StoredEventOf, toStored } from './past-events.js';
import type { Asked, HistoryReply, Person, Viewer } from './port.js';
import type { Reason, ReasonOf } from './reasons.js';
import { historyPage, personFor, relatedFor, type Timeline, type TimelineEntry } from './timeline.js';

/**
 * The newest events of a seat on a date, oldest first: at most one read, which is more than a seat ever has. Barred
 * holds never had the seat, so their events are left out.
 */
export async function seatEvents(
  store: EventStore,
  scheduleId: ScheduleId,
  seatId: SeatId,
): Promise<SeatEvents> {
  const newest = await store.readStream(streams.seat(scheduleId, seatId), {
    direction: 'backwards',
    limit: maxReadCount,
  });
  return ofTypes(
    newest.toReversed().map(toStored),
    'SeatHeld',
    'SeatHoldReleased',
    'SeatHoldExpired',
    'SeatReserved',
    'SeatReservationCancelled',
  );
}

/** The history of a seat on a date; null when there is no such date, or no such seat on it. */
export async function whySeat(
  { store, plans, clock }: { readonly store: EventStore; readonly plans: VenuePlans; readonly clock: Clock },
  scheduleId: ScheduleId,
  seatId: SeatId,
  asked: Asked,
): Promise<HistoryReply | null> {
  const schedule = await scheduleAt(store, scheduleId, latest);
  if (schedule.kind !== 'known') return null;
  const events = await seatEvents(store, scheduleId, seatId);
  const plan = await plans.at(schedule.details.venueId, latest);
  const isPlanned = plan !== undefined && findSeat(plan.state, seatId) !== undefined;
  // A seat with events exists even when its section was withdrawn.
  if (!isPlanned && events.length === 0) return null;
  const { performanceId } = schedule.details;
  return historyPage(seatTimeline(events, asked.viewer, performanceId, clock.now()), asked);
}

export type SeatEvents = readonly StoredEventOf<
  'SeatHeld' | 'SeatHoldReleased' | 'SeatHoldExpired' | 'SeatReserved' | 'SeatReservationCancelled'
>[];

type SeatNow = ReasonOf<'seat-now'>;

/**
 * What happened to one seat of one date. The summary names the viewer's own lapsed hold and who took the seat then;
 * for operators, the last hold that lapsed.
 * @param now a hold whose deadline has passed is over, whether or not an event recorded that.
 */
export function seatTimeline(
  events: SeatEvents,
  viewer: Viewer,
  performanceId: PerformanceId,
  now: Instant,
): Timeline {
  const entries: TimelineEntry[] = [];
  let state: SeatNow['state'] = { kind: 'untouched' };
  let lapse: SeatNow['lapse'] = null;
  const lapsed = (who: Person, at: Instant) => {
    if (viewer.kind === 'operator' || who === 'you') lapse = { who, at, taken: null };
  };
  for (const event of events) {
    const who = personFor(viewer, event.data.userId);
    const reason = reasonOf(event, who, lapse);
    entries.push({ event, who, reason, related: relatedOf(event, who, performanceId) });
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
  return { entries, summary: { kind: 'seat-now', state, lapse } };
}

/** A fan who holds the seat again lost nothing; otherwise the next holder took it. */
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

function relatedOf(
  event: SeatEvents[number],
  who: Person,
  performanceId: PerformanceId,
): TimelineEntry['related'] {
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
