import fc from 'fast-check';
import { logHistories } from '../../../src/analysis/history/log-histories.js';
import type { Moment } from '../../../src/analysis/history/port.js';
import { isFree, type SeatCommand, type SeatState, seatDecider } from '../../../src/domain/seat.js';
import type { Position } from '../../../src/event-store/port.js';
import {
  addMs,
  type HoldId,
  type Instant,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../../../src/events/ids.js';
import type { SeatEvent } from '../../../src/events/seat-events.js';
import { streams } from '../../../src/events/streams.js';
import type { SeatMapReply } from '../../../src/queries/replies/catalog.js';
import { History, id, minute } from '../../projections/history.js';
import { clockAt } from '../../queries/asking.js';
import { publishHall, seatNames } from './hall.js';

const schedules = [id<ScheduleId>('first night'), id<ScheduleId>('second night')] as const;
const opened = minute(0);

interface Step {
  readonly schedule: 0 | 1;
  readonly seat: number;
  readonly kind: SeatCommand['kind'];
  /** Which of a few fans, holds and orders. */
  readonly fan: number;
  /** How the deciding process's clock moved; it may lag behind another's. */
  readonly afterMs: number;
}

const steps = fc.array(
  fc.record<Step>({
    schedule: fc.constantFrom(0, 1),
    seat: fc.nat({ max: seatNames.length - 1 }),
    kind: fc.constantFrom('hold', 'hold', 'hold', 'release', 'expire', 'reserve', 'reserve', 'give-back'),
    fan: fc.nat({ max: 2 }),
    afterMs: fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: -300, max: 0 })),
  }),
  { maxLength: 80 },
);

interface Recorded {
  readonly position: Position;
  readonly at: Instant;
  readonly event: SeatEvent;
}

/** A hall with two dates, and what the seat decider makes of the steps. */
async function play(history: History, wanted: readonly Step[]): Promise<Recorded[]> {
  await publishHall(history, schedules, opened);
  const states = new Map<string, SeatState>();
  const recorded: Recorded[] = [];
  let at = minute(1);
  for (const [n, step] of wanted.entries()) {
    at = addMs(at, step.afterMs);
    const scheduleId = schedules[step.schedule];
    const seatId = seatNames[step.seat] as SeatId; // within the list
    const stream = streams.seat(scheduleId, seatId);
    const state = states.get(stream) ?? seatDecider.initialState;
    const decision = seatDecider.decide(commandOf(step, n, state, { scheduleId, seatId }, at), state, at);
    if (decision.kind === 'rejected') continue;
    for (const event of decision.events) {
      states.set(stream, seatDecider.evolve(states.get(stream) ?? state, event));
      recorded.push({ position: await history.add(stream, event, at), at, event });
    }
  }
  return recorded;
}

function commandOf(
  { kind, fan }: Step,
  n: number,
  state: SeatState,
  seat: { readonly scheduleId: ScheduleId; readonly seatId: SeatId },
  at: Instant,
): SeatCommand {
  const holdId = state.kind === 'held' ? state.holdId : id<HoldId>(`hold ${n}`);
  const orderId = state.kind === 'reserved' ? state.orderId : id<OrderId>(`order ${n}`);
  const userId = id<UserId>(`fan ${fan}`);
  // Some releases are of a request that is on its way still: the seat bars it, whoever has the seat meanwhile.
  const late = { holdId: id<HoldId>(`hold ${n}`), barrier: { userId, expiresAt: addMs(at, 60_000) } };
  switch (kind) {
    case 'hold': {
      const tokenId = id<TokenId>(`token ${fan}`);
      const hold = { holdId: id<HoldId>(`hold ${n}`), userId, tokenId, price: 100 };
      // Some come back at once, others within some seconds.
      const returns = fan === 1 ? { returnDelayMs: 7_000 + n } : {};
      return { kind, ...seat, ...hold, expiresAt: addMs(at, 60_000), ...returns };
    }
    case 'release':
      return { kind, ...seat, ...(fan === 0 ? late : { holdId }), reason: 'released' };
    case 'expire':
      return { kind, ...seat, holdId };
    case 'reserve':
      return { kind, ...seat, holdId, orderId };
    case 'give-back':
      return { kind, ...seat, holdId, orderId, reason: 'order-cancelled' };
  }
}

/** The statuses a fold of the log's beginning gives, one event after the other. */
function naively(recorded: readonly Recorded[], scheduleId: ScheduleId, moment: Moment): string[] {
  const states = new Map<string, SeatState>();
  let now = opened;
  for (const { position, at, event } of recorded) {
    if (event.data.scheduleId !== scheduleId) continue;
    if (moment.kind === 'time' ? at > moment.at : position > moment.position) break;
    if (at > now) now = at;
    const { seatId } = event.data;
    states.set(seatId, seatDecider.evolve(states.get(seatId) ?? seatDecider.initialState, event));
  }
  if (moment.kind === 'time') now = moment.at;
  return seatNames.map((seatId) => {
    const state = states.get(seatId) ?? seatDecider.initialState;
    if (state.kind === 'reserved') return 'reserved';
    return isFree(state, now) ? 'free' : 'held';
  });
}

function statusesOf({ sections }: SeatMapReply): string[] {
  return sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats.map(({ status }) => status)));
}

describe('the seat map of a moment', () => {
  it('is the fold of the log up to then, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.array(fc.nat({ max: 2_000_000 }), { maxLength: 5 }),
        async (wanted, laterMs) => {
          const history = new History();
          const recorded = await play(history, wanted);
          const histories = logHistories(history.store, clockAt(minute(100)));
          const moments: Moment[] = [
            ...recorded.map(({ position }) => ({ kind: 'position', position }) as const),
            ...recorded.map(({ at }) => ({ kind: 'time', at }) as const),
            ...laterMs.map((ms) => ({ kind: 'time', at: addMs(minute(1), ms) }) as const),
          ];
          for (const scheduleId of schedules) {
            for (const moment of moments) {
              const then = await histories.seatMap(scheduleId, moment, {});
              if (then.kind !== 'known') throw new Error(`${then.kind} at ${JSON.stringify(moment)}`);
              expect(statusesOf(then.reply)).toEqual(naively(recorded, scheduleId, moment));
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('shows nothing that came after an event dated later, even one that changed no seat', async () => {
    const history = new History();
    const histories = logHistories(history.store, clockAt(minute(100)));
    await publishHall(history, schedules, opened);
    const [scheduleId] = schedules;
    const [seatId] = seatNames as readonly SeatId[]; // they are plain strings at run time
    if (seatId === undefined) throw new Error('the hall has seats');
    const stream = streams.seat(scheduleId, seatId);
    const seat = { scheduleId, seatId, userId: id('fan'), expiresAt: minute(99) };
    const held = { ...seat, holdId: id<HoldId>('h'), tokenId: id<TokenId>('t'), price: 100 };
    await history.add(stream, { type: 'SeatHeld', data: held }, minute(1));
    await history.add(stream, { type: 'SeatHoldBarred', data: { ...seat, holdId: id('late') } }, minute(3));
    const sold = { scheduleId, seatId, holdId: held.holdId, userId: held.userId, price: 100 };
    const order = { ...sold, orderId: id<OrderId>('order') };
    await history.add(stream, { type: 'SeatReserved', data: order }, minute(2));
    const statusAt = async (at: Instant) => {
      const then = await histories.seatMap(scheduleId, { kind: 'time', at }, {});
      return then.kind === 'known' ? statusesOf(then.reply)[0] : then.kind;
    };
    expect(await statusAt(minute(2))).toBe('held');
    expect(await statusAt(minute(3))).toBe('reserved');
  });

  it('goes on with the log: what is asked again later knows more', async () => {
    const history = new History();
    const histories = logHistories(history.store, clockAt(minute(100)));
    await publishHall(history, schedules, opened);
    const [scheduleId] = schedules;
    const [seatId] = seatNames;
    const held = { holdId: id<HoldId>('h'), userId: id('fan'), scheduleId, seatId };
    const stream = streams.seat(scheduleId, seatId);
    const statusAt = async (position: Position) => {
      const then = await histories.seatMap(scheduleId, { kind: 'position', position }, { status: 'held' });
      return then.kind === 'known' ? statusesOf(then.reply) : then.kind;
    };
    const token = { tokenId: id<TokenId>('t'), price: 100, expiresAt: minute(99) };
    const first = await history.add(stream, { type: 'SeatHeld', data: { ...held, ...token } }, minute(1));
    expect(await statusAt(first)).toEqual(['held']);
    const released = { type: 'SeatHoldReleased', data: { ...held, reason: 'released' } } as const;
    const second = await history.add(stream, released, minute(2));
    expect(await statusAt(second)).toEqual([]);
    expect(await statusAt(first)).toEqual(['held']);
  });

  it('shows the plan and the prices of then', async () => {
    const history = new History();
    const [scheduleId] = schedules;
    await publishHall(history, schedules, opened);
    await publishHall(history, [], minute(10), { price: 250, seats: ['A-1', 'B-1'] });
    const histories = logHistories(history.store, clockAt(minute(100)));
    const pricesAt = async (at: Instant) => {
      const then = await histories.seatMap(scheduleId, { kind: 'time', at }, {});
      if (then.kind !== 'known') return then;
      return then.reply.sections.flatMap(({ rows }) =>
        rows.flatMap(({ seats }) => seats.map(({ seatId, price }) => `${seatId} ${price}`)),
      );
    };
    expect(await pricesAt(minute(9))).toEqual(seatNames.map((name) => `${name} 100`));
    expect(await pricesAt(minute(10))).toEqual(['A-1 250', 'B-1 250']);
    expect(await pricesAt(addMs(opened, -1))).toEqual({ kind: 'not-yet', since: opened });
    const unknown = await histories.seatMap(id<ScheduleId>('never'), { kind: 'time', at: opened }, {});
    expect(unknown).toEqual({ kind: 'unknown' });
  });
});
