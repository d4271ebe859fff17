import { randomUUID } from 'node:crypto';
import type { EventStore } from '../../src/event-store/port.js';
import {
  addMs,
  type HoldId,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  toInstant,
  type UserId,
} from '../../src/events/ids.js';
import { encodeEvent } from '../../src/events/registry.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { streams } from '../../src/events/streams.js';
import { publishConcert } from '../projection/journeys.js';

export const onSaleBeganMs = Date.UTC(2026, 10, 1, 9);
/** Ten minutes. */
export const onSaleMs = 600_000;
const holdTtlMs = 60_000;
const seatCount = 15_000;
/** Appends kept waiting: they share the disk's writes. */
const writers = 256;

/** A new id: branded ids are plain UUIDs at run time. */
const newId = <Id extends string>(): Id => randomUUID() as string as Id;

type Hold = Extract<SeatEvent, { type: 'SeatHeld' }>['data'];

/**
 * A hall of 15,000 seats goes on sale: seats are held, given up, lapse and are sold in turns until the log has
 * `events` events of them.
 * @returns the date.
 */
export async function onSale(store: EventStore, events: number): Promise<ScheduleId> {
  const { scheduleIds } = await publishConcert(store, 1);
  const [scheduleId] = scheduleIds;
  if (scheduleId === undefined) throw new Error('a concert has a date');
  const holds = new Map<number, Hold>();
  const write = async (n: number): Promise<void> => {
    const seat = n % seatCount;
    const at = toInstant(onSaleBeganMs + (n / events) * onSaleMs);
    const seatId = `S-${seat}` as SeatId; // the plan's names
    const known = holds.get(seat);
    const event = known ? ending(known, n) : holding({ scheduleId, seatId }, n, events);
    if (event.type === 'SeatHeld') holds.set(seat, event.data);
    else holds.delete(seat);
    const commandId = randomUUID();
    const ids = { commandId, correlationId: commandId, causationId: commandId };
    const metadata = { ...ids, actor: { kind: 'anonymous' }, occurredAt: at } as const;
    await store.append(streams.seat(scheduleId, seatId), 'any', [
      { id: randomUUID(), ...encodeEvent(event, metadata) },
    ]);
  };
  for (let n = 0; n < events; n += writers) {
    await Promise.all(Array.from({ length: Math.min(writers, events - n) }, (_, index) => write(n + index)));
  }
  return scheduleId;
}

function holding(
  seat: { readonly scheduleId: ScheduleId; readonly seatId: SeatId },
  n: number,
  events: number,
): SeatEvent {
  const at = toInstant(onSaleBeganMs + (n / events) * onSaleMs);
  const ids = { holdId: newId<HoldId>(), userId: newId<UserId>(), tokenId: newId<TokenId>() };
  return { type: 'SeatHeld', data: { ...seat, ...ids, price: 1_000, expiresAt: addMs(at, holdTtlMs) } };
}

/** Every third hold is sold (its seat comes back in a later round); the others lapse or are given up. */
function ending({ scheduleId, seatId, holdId, userId, expiresAt }: Hold, n: number): SeatEvent {
  const held = { scheduleId, seatId, holdId, userId };
  switch (n % 3) {
    case 0:
      return { type: 'SeatReserved', data: { ...held, orderId: newId<OrderId>(), price: 1_000 } };
    case 1:
      return { type: 'SeatHoldExpired', data: { ...held, expiredAt: expiresAt } };
    default:
      return { type: 'SeatHoldReleased', data: { ...held, reason: 'released' } };
  }
}
