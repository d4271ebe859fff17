import { priceOf } from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import { rowsOf } from '../../events/catalog-events.js';
import type { Instant, ScheduleId } from '../../events/ids.js';
import type { DomainEvent } from '../../events/registry.js';
import { returnMoment } from '../../events/seat-events.js';
import type { SeatMapReply } from '../../queries/replies/catalog.js';
import { type SeatMapFilter, seatMapSections } from '../../queries/seating-plans.js';
import { performanceAt, scheduleAt, type VenuePlans } from './catalog-at.js';
import { EventIndex, type EventIndexes, type IndexKind } from './event-index.js';
import { asOf } from './past-events.js';
import type { Moment, Then } from './port.js';

interface SeatMapSources {
  readonly store: EventStore;
  readonly seats: EventIndexes<EventIndex>;
  readonly plans: VenuePlans;
}

/** The seat map of a date as it was: plan, prices and what was taken, all of that moment. */
export async function seatMapAt(
  { store, seats, plans }: SeatMapSources,
  scheduleId: ScheduleId,
  moment: Moment,
  filter: SeatMapFilter,
): Promise<Then<SeatMapReply>> {
  const schedule = await scheduleAt(store, scheduleId, moment);
  if (schedule.kind !== 'known') return schedule;
  const { venueId, performanceId } = schedule.details;
  const index = await seats.get(scheduleId, schedule.first.position);
  const [plan, performance] = await Promise.all([
    plans.at(venueId, moment),
    performanceAt(store, performanceId, moment),
  ]);
  const places = [
    schedule.latest,
    plan,
    performance.kind === 'known' ? performance.latest : undefined,
    index.lastPosition(moment),
  ].filter((place) => place !== undefined);
  const then = asOf(moment, places);
  const details = performance.kind === 'known' ? performance.details : undefined;
  const state = {
    priceOf: (category: string) => (details && priceOf(details, category)) ?? null,
    takenAs: takenAt(index, moment, then.at),
  };
  const venue = plan?.state.details;
  const sections = (plan?.sections ?? []).map((section) => ({ ...section, rows: rowsOf(section) }));
  return {
    kind: 'known',
    reply: {
      scheduleId,
      venueId,
      position: then.position,
      sections: seatMapSections(sections, state, filter),
      focus: venue?.focus ?? null,
      decorations: venue?.decorations ?? [],
      asOf: then,
    },
  };
}

/** The state of a seat after an event. */
const free = 0;
const held = 1;
const reserved = 2;
/** Recorded only so that `asOf` covers the event. */
const unchanged = 3;

/** Seats of one date: an event's subject is its seat; a hold's detail is when the seat is free again, in ms since 1970. */
export const seatIndexes: IndexKind<EventIndex> = {
  categories: ['seat'],
  create: () => new EventIndex(),
  record(index, scheduleId, event) {
    const change = changeOf(event);
    if (change?.seat.scheduleId !== scheduleId) return;
    const { position, at } = event;
    const { seat, kind, detail } = change;
    index.add({ position, at, kind, subject: index.numberOf(seat.seatId), detail });
  },
};

function changeOf(event: DomainEvent) {
  switch (event.type) {
    case 'SeatHeld':
      return { seat: event.data, kind: held, detail: heldUntil(event.data) };
    case 'SeatReserved':
      return { seat: event.data, kind: reserved, detail: 0 };
    case 'SeatHoldReleased':
    case 'SeatHoldExpired':
    case 'SeatReservationCancelled': {
      const { availableFrom } = event.data;
      // Shown as held until it is on sale again.
      return availableFrom === undefined
        ? { seat: event.data, kind: free, detail: 0 }
        : { seat: event.data, kind: held, detail: Date.parse(availableFrom) };
    }
    case 'SeatHoldBarred':
      return { seat: event.data, kind: unchanged, detail: 0 };
    default:
      return undefined;
  }
}

/** When a seat is on sale again if its hold lapses, ms since 1970. */
function heldUntil({ expiresAt, returnDelayMs = 0 }: DataOf<'SeatHeld'>): number {
  return Date.parse(returnMoment(expiresAt, returnDelayMs) ?? expiresAt);
}

type DataOf<Type extends DomainEvent['type']> = Extract<DomainEvent, { type: Type }>['data'];

/** Seats that were held or reserved. */
type TakenSeats = (seatId: string) => 'held' | 'reserved' | undefined;

/**
 * The seats taken at a moment, by the last event that changed each seat.
 * @param at holds whose deadline is not later are over, whether or not an event recorded that.
 */
function takenAt(index: EventIndex, moment: Moment, at: Instant): TakenSeats {
  const { kinds, subjects, details } = index;
  const lastEvents = new Int32Array(index.names).fill(-1);
  const count = index.countAt(moment);
  for (let n = 0; n < count; n++) {
    if (kinds[n] !== unchanged) lastEvents[subjects[n] ?? 0] = n;
  }
  const atMs = Date.parse(at);
  return (seatId) => {
    const last = lastEvents[index.find(seatId) ?? -1] ?? -1;
    if (last === -1) return undefined;
    if (kinds[last] === reserved) return 'reserved';
    const isHeld = kinds[last] === held && (details[last] ?? 0) > atMs;
    return isHeld ? 'held' : undefined;
  };
}
