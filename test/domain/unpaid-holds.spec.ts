import { type TokenCommand } from '../../src/domain/token.js';
import { maxCoolingSeats, type TokenEvent, type TurnTerms } from '../../src/events/queue-events.js';
import { at } from './given.js';
import {
  admission,
  ask,
  asked,
  completed,
  entered,
  expired,
  giveBack,
  holdTtlMs,
  orderId,
  owner,
  past,
  type Reason,
  request,
  requested,
  returned,
  scheduleId,
  seats,
  turnEnd,
} from './token-history.js';

type DataOf<Type extends TokenEvent['type']> = Extract<TokenEvent, { type: Type }>['data'];

const underTerms = (terms: TurnTerms, change: Partial<DataOf<'TokenEntered'>> = {}): TokenEvent => ({
  type: 'TokenEntered',
  data: { ...owner, place: 7, admittedAt: at(0), expiresAt: at(turnEnd), terms, ...change },
});
const inside = (terms: TurnTerms, ...history: TokenEvent[]) => past(requested, underTerms(terms), ...history);
const returnedWith = (
  change: Partial<DataOf<'SeatsReturned'>>,
  hold: string,
  reason: Reason,
  ...names: string[]
): TokenEvent => {
  const event = returned(hold, reason, ...names);
  return event.type === 'SeatsReturned' ? { ...event, data: { ...event.data, ...change } } : event;
};
const over = expired('unpaid-holds');
const timer: TokenCommand = { kind: 'expire', reason: 'time-used-up' };

describe('holds without a payment', () => {
  it('end the turn when as many have lapsed as the rules allow, with the last return', () => {
    const once = [asked('h', 'A-1'), returned('h', 'expired', 'A-1')];
    expect(inside({ maxLapsedHolds: 2 }, asked('h', 'A-1')).when(giveBack('h', 'expired', 'A-1'))).toEqual([
      returned('h', 'expired', 'A-1'),
    ]);
    const twice = inside({ maxLapsedHolds: 2 }, ...once, asked('i', 'A-2'));
    expect(twice.when(giveBack('i', 'expired', 'A-2'))).toEqual([returned('i', 'expired', 'A-2'), over]);
    expect(inside({}, ...once, asked('i', 'A-2')).when(giveBack('i', 'expired', 'A-2'))).toHaveLength(1);
  });

  it('count apart when they were given back, and not at all when a seat was lost to another fan', () => {
    const terms = { maxLapsedHolds: 1, maxReleasedHolds: 2 };
    const held = inside(terms, asked('h', 'A-1'));
    expect(held.when(giveBack('h', 'released', 'A-1'))).toHaveLength(1);
    expect(held.when(giveBack('h', 'conflict', 'A-1'))).toHaveLength(1);
    expect(held.when(giveBack('h', 'expired', 'A-1'))).toEqual([returned('h', 'expired', 'A-1'), over]);
    const again = inside(terms, asked('h', 'A-1'), returned('h', 'released', 'A-1'), asked('i', 'A-2'));
    expect(again.when(giveBack('i', 'released', 'A-2'))).toEqual([returned('i', 'released', 'A-2'), over]);
  });

  it('count once, however many returns their seats take', () => {
    const half = inside({ maxReleasedHolds: 2 }, asked('h', 'A-1', 'A-2'), returned('h', 'released', 'A-1'));
    expect(half.when(giveBack('h', 'released', 'A-2'))).toEqual([returned('h', 'released', 'A-2')]);
  });

  it('leave what is still held to be paid for, but nothing more can be asked for', () => {
    const terms = { maxLapsedHolds: 1 };
    const lapsed = [asked('h', 'A-1'), asked('i', 'B-1'), returned('h', 'expired', 'A-1')];
    const one = inside(terms, asked('h', 'A-1'), asked('i', 'B-1'));
    expect(one.when(giveBack('h', 'expired', 'A-1'))).toEqual([returned('h', 'expired', 'A-1')]);
    expect(inside(terms, ...lapsed).when(ask('j', 'C-1'))).toBe('seat-limit-reached');
    expect(inside(terms, ...lapsed).when({ kind: 'complete', orderId })).toEqual([completed]);
    expect(inside(terms, ...lapsed).when(giveBack('i', 'conflict', 'B-1'))).toEqual([
      returned('i', 'conflict', 'B-1'),
      over,
    ]);
  });

  it('count from their deadline, before their end is written', () => {
    const lapsing = inside({ maxLapsedHolds: 1 }, asked('h', 'A-1'));
    expect(lapsing.when(ask('i', 'B-1'), at(holdTtlMs - 1))).toHaveLength(1);
    expect(lapsing.when(ask('i', 'B-1'), at(holdTtlMs))).toBe('seat-limit-reached');
  });

  it('change nothing in a turn that has ended, or that an older build let in', () => {
    const terms = { maxReleasedHolds: 1, seatCoolDownMs: 1_000, idleWindowMs: 1_000 };
    const done = inside(terms, asked('h', 'A-1'), completed);
    expect(done.when(giveBack('h', 'released', 'A-1'))).toEqual([returned('h', 'released', 'A-1')]);
    const older = past(requested, entered, asked('h', 'A-1'));
    expect(older.when(giveBack('h', 'released', 'A-1'))).toEqual([returned('h', 'released', 'A-1')]);
  });
});

describe('a seat that was held without a payment', () => {
  const terms = { seatCoolDownMs: 5_000 };
  const cooling = returnedWith({ coolUntil: at(6_000) }, 'h', 'released', 'A-1');

  it.each(['released', 'expired'] as const)('cools down for the fan when it was %s', (reason) => {
    const held = inside(terms, asked('h', 'A-1'));
    expect(held.when(giveBack('h', reason, 'A-1'), at(1_000))).toEqual([
      returnedWith({ coolUntil: at(6_000) }, 'h', reason, 'A-1'),
    ]);
  });

  it('is refused to the fan until then, and only that seat', () => {
    const after = inside(terms, asked('h', 'A-1'), cooling);
    expect(after.when(ask('i', 'A-1', 'A-2'), at(5_999))).toBe('seat-cooling-down');
    expect(after.factsOf(ask('i', 'A-1'), at(5_999))).toEqual({ seatId: 'A-1', until: at(6_000) });
    expect(after.when(ask('i', 'A-1'), at(6_000))).toHaveLength(1);
    expect(after.when(ask('i', 'A-2'), at(1_000))).toHaveLength(1);
  });

  it('does not cool down when another fan got a seat of the hold first', () => {
    const held = inside(terms, asked('h', 'A-1'));
    expect(held.when(giveBack('h', 'conflict', 'A-1'))).toEqual([returned('h', 'conflict', 'A-1')]);
  });

  it('cools down on in the next turn, which is told those that matter still', () => {
    const [first, second] = seats('A-1', 'A-2');
    if (!first || !second) throw new Error('two seats');
    const known = [
      { scheduleId, seatId: first, until: at(1_000) },
      { scheduleId, seatId: second, until: at(2_000) },
    ];
    const joining: TokenCommand = { kind: 'request', ...request, cooling: known };
    const told: TokenEvent = { type: 'TokenRequested', data: { ...request, cooling: known.slice(1) } };
    expect(past().when(joining, at(1_000))).toEqual([told]);
    expect(past().when(joining, at(2_000))).toEqual([requested]);
    expect(past(told, entered).when(ask('h', 'A-2'), at(1_999))).toBe('seat-cooling-down');
    const many = Array.from({ length: maxCoolingSeats + 1 }, (_, n) => {
      return { scheduleId, seatId: seats(`B-${n}`)[0] ?? first, until: at(1_000 + n) };
    });
    const [event] = past().when({ kind: 'request', ...request, cooling: many });
    if (typeof event !== 'object' || event.type !== 'TokenRequested') throw new Error('not requested');
    expect(event.data.cooling).toHaveLength(maxCoolingSeats);
    expect(event.data.cooling).not.toContainEqual(many[0]);
  });
});

describe('a fan inside without a hold', () => {
  const terms = { idleWindowMs: 3_000 };
  const idle = underTerms(terms, { idleUntil: at(3_000) });

  it('is told at entering until when, at most until the turn ends anyway', () => {
    const enter = (idleWindowMs: number): TokenCommand => ({
      kind: 'enter',
      admission: { ...admission, terms: { idleWindowMs } },
    });
    expect(past(requested).when(enter(3_000))).toEqual([idle]);
    expect(past(requested).when(enter(turnEnd + 1))).toEqual([
      underTerms({ idleWindowMs: turnEnd + 1 }, { idleUntil: at(turnEnd) }),
    ]);
  });

  it('loses the turn then, exactly, whether or not that was written', () => {
    const waiting = past(requested, idle);
    expect(waiting.when(timer, at(2_999))).toEqual([]);
    expect(waiting.when(timer, at(3_000))).toEqual([expired('idle')]);
    expect(waiting.when(ask('h', 'A-1'), at(2_999))).toHaveLength(1);
    expect(waiting.when(ask('h', 'A-1'), at(3_000))).toBe('token-ended');
    expect(waiting.when({ kind: 'enter', admission }, at(3_000))).toBe('token-ended');
    expect(waiting.when(timer, at(turnEnd))).toEqual([expired('time-used-up')]);
  });

  it('keeps the turn while seats are held, and has the time again after them', () => {
    const holding = past(requested, idle, asked('h', 'A-1'), asked('i', 'B-1'));
    expect(holding.when(timer, at(4_000))).toEqual([]);
    expect(holding.when(giveBack('h', 'conflict', 'A-1'), at(4_000))).toEqual([
      returned('h', 'conflict', 'A-1'),
    ]);
    const one = past(requested, idle, asked('h', 'A-1'));
    const back = returnedWith({ idleUntil: at(7_000) }, 'h', 'conflict', 'A-1');
    expect(one.when(giveBack('h', 'conflict', 'A-1'), at(4_000))).toEqual([back]);
    const after = past(requested, idle, asked('h', 'A-1'), back);
    expect(after.when(timer, at(6_999))).toEqual([]);
    expect(after.when(timer, at(7_000))).toEqual([expired('idle')]);
  });
});
