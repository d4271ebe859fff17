import { randomUUID } from 'node:crypto';
import type { EventStore } from '../../src/event-store/port.js';
import {
  type HoldId,
  type OrderId,
  type PaymentId,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  toInstant,
  type UserId,
  type VenueId,
} from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';

const sections = 20;
const rowsPerSection = 25;
const seatsPerRow = 30;
const at = toInstant(Date.UTC(2026, 10, 1));

/** A new id: branded ids are plain UUIDs at run time. */
const newId = <Id extends string>(): Id => randomUUID() as string as Id;

/** Appends one event, whatever the stream's revision. */
async function append(store: EventStore, stream: string, event: DomainEvent): Promise<void> {
  const commandId = randomUUID();
  const metadata = {
    commandId,
    correlationId: commandId,
    causationId: commandId,
    actor: { kind: 'anonymous' },
    occurredAt: at,
  } as const;
  await store.append(stream, 'any', [{ id: randomUUID(), ...encodeEvent(event, metadata) }]);
}

/** Publishes a hall of 15,000 seats and one performance with `dates` dates. */
export async function publishConcert(store: EventStore, dates: number) {
  const venueId = newId<VenueId>();
  const performanceId = newId<PerformanceId>();
  const venue = { venueId, name: 'Hall', location: 'Seoul', timeZone: 'Asia/Seoul', capacity: 15_000 };
  await append(store, streams.venue(venueId), { type: 'VenuePublished', data: venue });
  for (let section = 0; section < sections; section++) {
    const rows = Array.from({ length: rowsPerSection }, (_, row) => ({
      label: String(row),
      seats: Array.from({ length: seatsPerRow }, (_, column) => ({
        seatId: seatName(section * rowsPerSection * seatsPerRow + row * seatsPerRow + column),
        number: String(column),
        category: 'R',
        x: column,
        y: row,
      })),
    }));
    const data = { venueId, sectionId: `S${section}`, name: `S${section}`, rows };
    await append(store, streams.venue(venueId), { type: 'SectionPublished', data });
  }
  const sales = {
    opensAt: null,
    seatLimitPerUser: 4,
    queueCapacity: 1_000_000,
    maxActive: 100_000,
    admitPerSecond: 1_000,
    claimWindowMs: 60_000,
    serviceWindowMs: 600_000,
    holdTtlMs: 300_000,
    closesAt: null,
    cancelBeforeStartMs: 0,
    refundWindowMs: 604_800_000,
  };
  const performance = {
    performanceId,
    venueId,
    name: 'Show',
    description: '',
    seedHash: 'ab'.repeat(32),
    sales,
  };
  const run = { startDate: '2026-11-01', endDate: '2026-11-30', prices: [{ category: 'R', price: 1_000 }] };
  await append(store, streams.performance(performanceId), {
    type: 'PerformancePublished',
    data: { ...performance, ...run },
  });
  const scheduleIds = Array.from({ length: dates }, () => newId<ScheduleId>());
  for (const scheduleId of scheduleIds) {
    const data = {
      scheduleId,
      performanceId,
      venueId,
      startsAt: at,
      timeZone: 'Asia/Seoul',
      status: 'scheduled',
    } as const;
    await append(store, streams.schedule(scheduleId), { type: 'SchedulePublished', data });
  }
  return { performanceId, scheduleIds };
}

/** The seat's name: scattered, so that neighbours in the log are not neighbours in the table. */
function seatName(index: number): SeatId {
  return `S-${(index * 7_919) % 15_000}` as SeatId; // branded ids are plain strings at run time
}

/** Nine events: one fan queues, enters, holds a seat, pays and leaves with a reservation. */
export async function appendJourney(
  store: EventStore,
  { performanceId, scheduleIds }: Awaited<ReturnType<typeof publishConcert>>,
  index: number,
): Promise<void> {
  const scheduleId = scheduleIds[index % scheduleIds.length] ?? newId<ScheduleId>();
  const seatId = seatName(Math.floor(index / scheduleIds.length) % 15_000);
  const userId = newId<UserId>();
  const token = { tokenId: newId<TokenId>(), userId, performanceId };
  const order = { orderId: newId<OrderId>(), userId };
  const seat = { scheduleId, seatId, holdId: newId<HoldId>(), userId, price: 1_000 };
  const items = [{ scheduleId, seatId, holdId: seat.holdId, price: 1_000, sold: null }];
  const ofToken = streams.token(token.tokenId);
  const ofSeat = streams.seat(scheduleId, seatId);
  const ofOrder = streams.order(order.orderId);
  const paymentId = newId<PaymentId>();
  const events: readonly [string, DomainEvent][] = [
    [ofToken, { type: 'TokenRequested', data: { ...token, entry: 0, numberOfTickets: 1, seatLimit: 4 } }],
    [streams.queue(performanceId), { type: 'TokenIssued', data: { ...token, numberOfTickets: 1 } }],
    [ofToken, { type: 'TokenEntered', data: { ...token, place: index, admittedAt: at, expiresAt: at } }],
    [ofSeat, { type: 'SeatHeld', data: { ...seat, tokenId: token.tokenId, expiresAt: at } }],
    [ofOrder, { type: 'OrderPlaced', data: { ...order, ...token, items, total: 1_000 } }],
    [streams.wallet(userId), { type: 'PointsSpent', data: { ...order, amount: 1_000, balance: 0 } }],
    [ofSeat, { type: 'SeatReserved', data: { ...seat, orderId: order.orderId } }],
    [ofOrder, { type: 'OrderPaid', data: { ...order, paymentId, total: 1_000 } }],
    [ofToken, { type: 'TokenCompleted', data: { ...token, orderId: order.orderId } }],
  ];
  for (const [stream, event] of events) await append(store, stream, event);
}

/** Events of one {@link appendJourney}. */
export const eventsPerJourney = 9;
