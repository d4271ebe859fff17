import { findSeat } from '../../domain/catalog.js';
import { type EventStore, maxReadCount } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { Clock } from '../../platform/clock.js';
import { scheduleAt } from './catalog-at.js';
import { historyPage } from './history-page.js';
import { latest } from './moment.js';
import type { Asked, HistoryReply } from './port.js';
import { ofTypes, toStored } from './stored-event.js';
import { type SeatEvents, tellSeat } from './tell-seat.js';
import type { VenuePlans } from './venue-plans.js';

/**
 * The newest events of a seat on a date, oldest first: as many as one read gives, more than a seat ever has. A hold
 * that came too late and was barred never had the seat, so it is no part of its story.
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
  // A seat that was sold stays a seat when its section is withdrawn.
  if (!isPlanned && events.length === 0) return null;
  const { performanceId } = schedule.details;
  return historyPage(tellSeat(events, asked.viewer, performanceId, clock.now()), asked);
}
