import type { Instant } from '../../events/ids.js';
import type { DomainEvent } from '../../events/registry.js';
import type { Moment } from './port.js';
import { Timeline } from './timeline.js';
import type { TimelineKind } from './timelines.js';

/** What an event made of its seat. */
const free = 0;
const held = 1;
const reserved = 2;
/** Nothing: but what comes after it in the seat's stream is not seen before it. */
const unchanged = 3;

/** The seats of one date: an event's subject is its seat, the detail of a hold its deadline in ms since 1970. */
export const seatTimelines: TimelineKind<Timeline> = {
  categories: ['seat'],
  create: () => new Timeline(),
  record(timeline, scheduleId, event) {
    const change = changeOf(event);
    if (change?.seat.scheduleId !== scheduleId) return;
    const { position, at } = event;
    const { seat, kind, detail } = change;
    timeline.add({ position, at, kind, subject: timeline.numberOf(seat.seatId), detail });
  },
};

function changeOf(event: DomainEvent) {
  switch (event.type) {
    case 'SeatHeld':
      return { seat: event.data, kind: held, detail: Date.parse(event.data.expiresAt) };
    case 'SeatReserved':
      return { seat: event.data, kind: reserved, detail: 0 };
    case 'SeatHoldReleased':
    case 'SeatHoldExpired':
    case 'SeatReservationCancelled':
      return { seat: event.data, kind: free, detail: 0 };
    case 'SeatHoldBarred':
      return { seat: event.data, kind: unchanged, detail: 0 };
    default:
      return undefined;
  }
}

/** Seats that were held or reserved. */
export type TakenSeats = (seatId: string) => 'held' | 'reserved' | undefined;

/**
 * Which seats were taken at a moment: the last event of each seat that changed it decides.
 * @param at when a hold's deadline counts as passed: such a seat is free, whether or not that was written.
 */
export function takenAt(timeline: Timeline, moment: Moment, at: Instant): TakenSeats {
  const { kinds, subjects, details } = timeline;
  const lastEvents = new Int32Array(timeline.names).fill(-1);
  const count = timeline.countAt(moment);
  for (let n = 0; n < count; n++) {
    if (kinds[n] !== unchanged) lastEvents[subjects[n] ?? 0] = n;
  }
  const atMs = Date.parse(at);
  return (seatId) => {
    const last = lastEvents[timeline.find(seatId) ?? -1] ?? -1;
    if (last === -1) return undefined;
    if (kinds[last] === reserved) return 'reserved';
    const isHeld = kinds[last] === held && (details[last] ?? 0) > atMs;
    return isHeld ? 'held' : undefined;
  };
}
