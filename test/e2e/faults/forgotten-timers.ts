import type { Instant } from '../../../src/events/ids.js';
import { eventually } from '../../services/wait-until.js';
import type { ClusterOffice } from '../cluster-office.js';
import { times } from '../fan.js';
import { type LoggedEvent, readLog } from '../office-log.js';
import { openSmallHall, type SmallHall } from '../small-hall.js';
import { PatientFan, stormLimitMs } from './patient-fan.js';

const fanCount = 50;
const seatsEach = 20;

interface HeldSeat {
  readonly scheduleId: string;
  readonly seatId: string;
  readonly holdId: string;
}

/** Holds 1,000 seats, empties Redis before the first deadline, and looks up in the log that each hold ended, none early. */
export async function holdThenForgetAll(office: ClusterOffice): Promise<void> {
  // A worker as it is by default: what the sweeper makes up for is looked for every five seconds.
  await office.killAll('worker');
  await office.add('worker', { SWEEP_INTERVAL_MS: '5000' });
  const { hall, held } = await holdAndForget(office, 20_000);
  const endsOf = async () => factsOf(office, hall, 'SeatHoldExpired');
  await eventually(async () => (await endsOf()).length >= held.length, {
    everyMs: 500,
    limitMs: stormLimitMs,
  });
  const ended = await endsOf();
  expect(ended).toHaveLength(held.length);
  const endedAt = new Map(ended.map(({ seat, at }) => [`${seat.seatId} ${seat.holdId}`, at]));
  const wrong = held
    .map(({ seat, deadline }) => ({ ...seat, deadline, at: endedAt.get(`${seat.seatId} ${seat.holdId}`) }))
    .filter(({ at, deadline }) => at === undefined || at < deadline);
  expect(wrong).toEqual([]);
}

/**
 * Every seat of a new hall is held when Redis forgets its timers.
 * @param holdTtlMs what is enough on most machines; where it was too short there is another hall, with three times that.
 */
async function holdAndForget(
  office: ClusterOffice,
  holdTtlMs: number,
): Promise<{ hall: SmallHall; held: SeatFact[] }> {
  const hall = await openSmallHall(office, {
    id: `forgotten after ${holdTtlMs} ms`,
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
  await Promise.all(
    fans.map((fan, row) => {
      const seatIds = hall.seatIds.slice(row * seatsEach, (row + 1) * seatsEach);
      return fan.hold(hall.scheduleId, seatIds, ['hold-ended']);
    }),
  );
  await office.redis.flushAll();
  const forgottenAt = new Date().toISOString();
  const held = await factsOf(office, hall, 'SeatHeld');
  const areAllHeld = held.length === fanCount * seatsEach;
  if (areAllHeld && held.every(({ deadline }) => deadline > forgottenAt)) return { hall, held };
  return holdAndForget(office, 3 * holdTtlMs);
}

interface SeatFact {
  readonly seat: HeldSeat;
  /** When the hold was to end. */
  readonly deadline: Instant;
  /** When it was written. */
  readonly at: Instant;
}

/** Events of one type about seats of a hall, read from the log itself. */
async function factsOf(office: ClusterOffice, hall: SmallHall, type: string): Promise<SeatFact[]> {
  const events = await readLog(office.config, 'seat');
  const facts = events.filter((event) => event.type === type).map(factOf);
  return facts.filter(({ seat }) => seat.scheduleId === hall.scheduleId);
}

function factOf({ data, metadata }: LoggedEvent): SeatFact {
  // Both types have one of the two.
  const seat = data as unknown as HeldSeat & { readonly expiresAt?: Instant; readonly expiredAt?: Instant };
  const deadline = seat.expiresAt ?? seat.expiredAt;
  if (deadline === undefined) throw new Error('the event is not about a hold');
  return { seat, deadline, at: metadata.occurredAt };
}
