import { openEventStoreDb } from '../../../src/event-store/eventstoredb/open.js';
import type { Position, RecordedEvent } from '../../../src/event-store/port.js';
import { addMs, type Instant } from '../../../src/events/ids.js';
import type { EventMetadata } from '../../../src/events/metadata.js';
import type { ClusterOffice } from '../cluster-office.js';
import { eventually, times } from '../fan.js';
import { openSmallHall } from '../small-hall.js';
import { PatientFan } from './patient-fan.js';

const fanCount = 50;
const seatsEach = 20;
const holdTtlMs = 6_000;
/** The promise: no hold outlives its deadline by more. */
const lateMs = 10_000;

interface HeldSeat {
  readonly scheduleId: string;
  readonly seatId: string;
  readonly holdId: string;
}

/** Holds 1,000 seats, empties Redis before the first deadline, and looks up in the log when each hold ended. */
export async function holdThenForgetAll(office: ClusterOffice): Promise<void> {
  // A worker as it is by default: what the sweeper makes up for is looked for every five seconds.
  await office.killAll('worker');
  await office.add('worker', { SWEEP_INTERVAL_MS: '5000' });
  const hall = await openSmallHall(office, {
    id: 'forgotten',
    rows: fanCount,
    seatsPerRow: seatsEach,
    sales: { holdTtlMs, seatLimitPerUser: seatsEach },
  });
  const fans = await times(fanCount, fanCount, async () => {
    const fan = new PatientFan(office);
    await fan.arrive();
    await fan.queue(hall.performanceId, seatsEach);
    return fan;
  });
  const holds = await Promise.all(
    fans.map((fan, row) =>
      fan.hold(hall.scheduleId, hall.seatIds.slice(row * seatsEach, (row + 1) * seatsEach)),
    ),
  );
  expect(holds.filter((holdId) => holdId !== undefined)).toHaveLength(fanCount);
  await office.redis.flushAll();

  const ofHall = async (type: string) =>
    (await seatEvents(office, type)).filter(({ seat }) => seat.scheduleId === hall.scheduleId);
  const held = await ofHall('SeatHeld');
  expect(held).toHaveLength(fanCount * seatsEach);
  await eventually(async () => (await ofHall('SeatHoldExpired')).length >= held.length);
  const ended = await ofHall('SeatHoldExpired');
  expect(ended).toHaveLength(held.length);
  const endedAt = new Map(ended.map(({ seat, at }) => [`${seat.seatId} ${seat.holdId}`, at]));
  const wrong = held
    .map(({ seat, deadline }) => ({ ...seat, deadline, at: endedAt.get(`${seat.seatId} ${seat.holdId}`) }))
    .filter(({ at, deadline }) => at === undefined || at < deadline || at > addMs(deadline, lateMs));
  expect(wrong).toEqual([]);
}

interface SeatFact {
  readonly seat: HeldSeat;
  /** When the hold was to end. */
  readonly deadline: Instant;
  /** When it was written. */
  readonly at: Instant;
}

/** Events of one type, read from the log itself. */
async function seatEvents(office: ClusterOffice, type: string): Promise<SeatFact[]> {
  const store = openEventStoreDb({ connectionString: office.eventStore.connectionString });
  try {
    const facts: SeatFact[] = [];
    for (let from: Position | 'start' = 'start'; ; ) {
      const page: RecordedEvent[] = await store.readCategory('seat', { from });
      // Positions have gaps of unknown size: each page begins with the last event of the one before.
      const fresh: RecordedEvent[] = from === 'start' ? page : page.slice(1);
      const last = fresh.at(-1);
      if (!last) return facts;
      from = last.position;
      facts.push(...fresh.filter((event) => event.type === type).map(factOf));
    }
  } finally {
    await store.close();
  }
}

function factOf({ data, metadata }: RecordedEvent): SeatFact {
  // Both types have one of the two, and every event's metadata is of this type.
  const seat = data as HeldSeat & { readonly expiresAt?: Instant; readonly expiredAt?: Instant };
  const deadline = seat.expiresAt ?? seat.expiredAt;
  if (deadline === undefined) throw new Error('the event is not about a hold');
  return { seat, deadline, at: (metadata as EventMetadata).occurredAt };
}
