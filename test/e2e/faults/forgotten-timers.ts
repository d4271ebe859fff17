import { addMs, type Instant } from '../../../src/events/ids.js';
import type { ClusterOffice } from '../cluster-office.js';
import { eventually, times } from '../fan.js';
import { type LoggedEvent, readLog } from '../office-log.js';
import { openSmallHall } from '../small-hall.js';
import { PatientFan } from './patient-fan.js';

const fanCount = 50;
const seatsEach = 20;
/** Long enough to take them all on a slow machine. */
const holdTtlMs = 20_000;
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
  await eventually(async () => (await ofHall('SeatHoldExpired')).length >= held.length, 60_000, 500);
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
  const events = await readLog(office.config, 'seat');
  return events.filter((event) => event.type === type).map(factOf);
}

function factOf({ data, metadata }: LoggedEvent): SeatFact {
  // Both types have one of the two.
  const seat = data as unknown as HeldSeat & { readonly expiresAt?: Instant; readonly expiredAt?: Instant };
  const deadline = seat.expiresAt ?? seat.expiredAt;
  if (deadline === undefined) throw new Error('the event is not about a hold');
  return { seat, deadline, at: metadata.occurredAt };
}
