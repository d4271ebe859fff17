import {
  type HoldStatus,
  isFree,
  isReservedBy,
  noEndedHolds,
  seatDecider,
  statusOfHold,
} from '../../src/domain/seat.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { at } from './given.js';
import {
  barred,
  barrier,
  cancelled,
  deadline,
  expired,
  giveBack,
  held,
  hold,
  holdId,
  past,
  released,
  reserve,
  reserved,
  seat,
} from './seat-history.js';

/** The seat's name, for tests with a seat of their own. */
const place = seat;

describe('holding a seat', () => {
  it('knows of no earlier hold at first', () =>
    expect(past().state).toEqual({ kind: 'free', endedHolds: noEndedHolds }));

  it('takes a free one', () => expect(past().when(hold('mina'))).toEqual([held('mina')]));

  it('does nothing for the hold that has it already', () =>
    expect(past(held('mina')).when(hold('mina'))).toEqual([]));

  it('refuses everyone else until one millisecond before the deadline', () =>
    expect(past(held('mina')).when(hold('jun', at(9_000)), at(deadline - 1))).toBe('seat-held'));

  it('takes a lapsed one exactly at its deadline, writing the expiry first', () =>
    expect(past(held('mina')).when(hold('jun', at(9_000)), at(deadline))).toEqual([
      expired('mina'),
      held('jun', at(9_000)),
    ]));

  it('refuses a hold whose own deadline has come', () => {
    expect(past().when(hold('mina'), at(deadline))).toBe('hold-ended');
    expect(past().when(hold('mina'), at(deadline - 1))).toEqual([held('mina')]);
  });

  it.each([
    ['released', released('mina')],
    ['expired', expired('mina')],
  ])('never revives a hold that was %s', (_, end) =>
    expect(past(held('mina'), end).when(hold('mina'))).toBe('hold-ended'),
  );

  it('never revives a hold that was reserved, nor after the order was cancelled', () => {
    expect(past(held('mina'), reserved('mina')).when(hold('mina'))).toBe('hold-ended');
    const afterwards = past(held('mina'), reserved('mina'), cancelled('mina', 'order-cancelled'));
    expect(afterwards.when(hold('mina'))).toBe('hold-ended');
    expect(afterwards.when(hold('jun'))).toEqual([held('jun')]);
  });

  it('never revives a hold that ended before others came and went', () => {
    const others = ['jun', 'sora'].flatMap((name) => [held(name), released(name)]);
    expect(past(held('mina'), released('mina'), ...others).when(hold('mina'))).toBe('hold-ended');
    expect(past(held('mina'), released('mina'), ...others, held('dan')).when(hold('mina'))).toBe(
      'hold-ended',
    );
  });

  it('never revives a lapsed hold whose expiry is not written yet', () =>
    expect(past(held('mina')).when(hold('mina', at(9_000)), at(deadline))).toBe('hold-ended'));

  it('refuses a sold seat', () =>
    expect(past(held('mina'), reserved('mina')).when(hold('jun'))).toBe('seat-reserved'));

  it('names the hold to a fan who has the seat under another key', () => {
    const again = { ...hold('mina'), holdId: holdId('mina again') };
    expect(past(held('mina')).when(again)).toBe('already-held');
    expect(past(held('mina')).factsOf(again)).toEqual({ seatId: seat.seatId, holdId: holdId('mina') });
    expect(past(held('mina'), reserved('mina')).when(again)).toBe('seat-reserved');
  });

  it('names the seat in its refusals', () => {
    const facts = { seatId: seat.seatId };
    expect(past(held('mina')).factsOf(hold('jun'))).toEqual(facts);
    expect(past(held('mina'), reserved('mina')).factsOf(hold('jun'))).toEqual(facts);
    expect(past().factsOf(reserve('mina'))).toEqual(facts);
    expect(past(held('jun')).factsOf(reserve('mina'))).toEqual(facts);
  });
});

describe('releasing a hold', () => {
  it.each(['conflict', 'released'] as const)('frees the seat: %s', (reason) =>
    expect(past(held('mina')).when({ kind: 'release', ...seat, holdId: holdId('mina'), reason })).toEqual([
      released('mina', reason),
    ]),
  );

  it.each([
    ['somebody else holds the seat', [held('jun')]],
    ['it is free', []],
    ['it is sold', [held('mina'), reserved('mina')]],
  ])('changes nothing when %s', (_, history: SeatEvent[]) =>
    expect(
      past(...history).when({ kind: 'release', ...seat, holdId: holdId('mina'), reason: 'released' }),
    ).toEqual([]),
  );
});

describe('expiring a hold', () => {
  const expire = { kind: 'expire', ...seat, holdId: holdId('mina') } as const;

  it('frees the seat at the deadline, however late the timer comes', () => {
    expect(past(held('mina')).when(expire, at(deadline))).toEqual([expired('mina')]);
    expect(past(held('mina')).when(expire, at(deadline + 60_000))).toEqual([expired('mina')]);
  });

  it('changes nothing one millisecond early', () =>
    expect(past(held('mina')).when(expire, at(deadline - 1))).toEqual([]));

  it.each([
    ['somebody else holds the seat', [held('jun')]],
    ['it was written already', [held('mina'), expired('mina')]],
    ['the seat is sold', [held('mina'), reserved('mina')]],
  ])('changes nothing when %s', (_, history: SeatEvent[]) =>
    expect(past(...history).when(expire, at(deadline))).toEqual([]),
  );
});

describe('reserving a seat', () => {
  it('turns the live hold into a reservation at its price', () =>
    expect(past(held('mina')).when(reserve('mina'), at(deadline - 1))).toEqual([reserved('mina')]));

  it('does nothing when the order has it already, also after the deadline', () =>
    expect(past(held('mina'), reserved('mina')).when(reserve('mina'), at(9_000))).toEqual([]));

  it.each([
    ['the hold is at its deadline', [held('mina')], deadline],
    ['the seat was never held', [], 0],
    ['the hold was released', [held('mina'), released('mina')], 0],
    ['another hold lapsed too', [held('jun')], deadline],
  ])('fails as lapsed when %s', (_, history: SeatEvent[], now) =>
    expect(past(...history).when(reserve('mina'), at(now))).toBe('hold-lapsed'),
  );

  it.each([
    ['holds', [held('jun')]],
    ['bought', [held('jun'), reserved('jun')]],
  ])('fails as taken when somebody else %s the seat', (_, history: SeatEvent[]) =>
    expect(past(...history).when(reserve('mina'))).toBe('seat-taken'),
  );

  it('is not possible for a second order of the same hold', () =>
    expect(past(held('mina'), reserved('mina')).when(reserve('mina', 'again'))).toBe('seat-taken'));
});

describe('giving an order’s seat back', () => {
  it.each(['order-failed', 'order-cancelled'] as const)('cancels its reservation: %s', (reason) =>
    expect(past(held('mina'), reserved('mina')).when(giveBack('mina', reason))).toEqual([
      cancelled('mina', reason),
    ]),
  );

  it('releases the hold it was going to reserve', () =>
    expect(past(held('mina')).when(giveBack('mina'))).toEqual([released('mina', 'order-failed')]));

  it.each([
    ['is free', []],
    ['is held by somebody else', [held('jun')]],
    ['was bought by somebody else', [held('jun'), reserved('jun')]],
    ['was given back before', [held('mina'), reserved('mina'), cancelled('mina', 'order-failed')]],
  ])('changes nothing when the seat %s', (_, history: SeatEvent[]) =>
    expect(past(...history).when(giveBack('mina'))).toEqual([]),
  );
});

describe('the history of a seat', () => {
  it('is not changed by a cancellation of nothing', () => {
    const { state } = past(held('mina'));
    expect(seatDecider.evolve(state, cancelled('mina', 'order-failed'))).toEqual(state);
  });
});

describe('isFree', () => {
  it('counts a hold until its deadline, and a sale for ever', () => {
    expect(isFree(past().state, at(0))).toBe(true);
    expect(isFree(past(held('mina')).state, at(deadline - 1))).toBe(false);
    expect(isFree(past(held('mina')).state, at(deadline))).toBe(true);
    expect(isFree(past(held('mina'), reserved('mina')).state, at(9_000))).toBe(false);
  });
});

const mina = { ...seat, holdId: holdId('mina'), ...barrier('mina') };
const release = { kind: 'release', ...mina, reason: 'released' } as const;
const expire = { kind: 'expire', ...mina } as const;
const ends = [
  ['released', release],
  ['expired', expire],
] as const;

describe.each(ends)('a hold that is %s', (_, end) => {
  it.each<[string, SeatEvent[]]>([
    ['the seat was never held', []],
    ['somebody else holds it', [held('jun')]],
    ['somebody else bought it', [held('jun'), reserved('jun')]],
    ['somebody else has had it', [held('jun'), released('jun')]],
  ])('is barred when %s, which changes nothing for them', (__, history) => {
    const before = past(...history);
    expect(before.when(end, at(deadline))).toEqual([barred('mina')]);
    const { state } = past(...history, barred('mina'));
    expect(state).toEqual({ ...before.state, endedHolds: state.endedHolds });
  });

  it.each<[string, SeatEvent[]]>([
    ['it has bought the seat', [held('mina'), reserved('mina')]],
    ['it was released', [held('mina'), released('mina')]],
    ['it lapsed', [held('mina'), expired('mina')]],
    ['it lapsed and somebody else took the seat', [held('mina'), expired('mina'), held('jun', at(9_000))]],
    ['its order was cancelled', [held('mina'), reserved('mina'), cancelled('mina', 'order-cancelled')]],
    ['it was barred before', [barred('mina')]],
    ['it was barred while somebody else held the seat', [held('jun'), barred('mina'), released('jun')]],
  ])('is not barred when %s', (__, history) => expect(past(...history).when(end, at(deadline))).toEqual([]));

  it('ends as ever when it has the seat', () => {
    const [event] = past(held('mina')).when(end, at(deadline));
    expect(event).toEqual(end === release ? released('mina') : expired('mina'));
  });
});

describe('a hold that a seat bars', () => {
  it.each<[string, SeatEvent[]]>([
    ['while it is free', [barred('mina')]],
    ['after somebody else held it', [held('jun'), barred('mina'), released('jun')]],
    [
      'after somebody else bought it',
      [held('jun'), reserved('jun'), barred('mina'), cancelled('jun', 'order-cancelled')],
    ],
    ['after another hold was barred', [barred('mina'), barred('jun')]],
  ])('never takes it: %s', (_, history) => expect(past(...history).when(hold('mina'))).toBe('hold-ended'));

  it('is not paid for either', () => expect(past(barred('mina')).when(reserve('mina'))).toBe('hold-lapsed'));

  it('leaves the seat to everybody else', () => {
    expect(past(barred('mina')).when(hold('jun'))).toEqual([held('jun')]);
    expect(past(held('jun'), barred('mina')).when(reserve('jun'))).toEqual([reserved('jun')]);
    const bought = past(held('jun'), reserved('jun'), barred('mina'));
    expect(bought.when(giveBack('jun', 'order-cancelled'))).toEqual([cancelled('jun', 'order-cancelled')]);
  });

  it('is barred by its deadline only: an expiry one millisecond early changes nothing', () =>
    expect(past().when(expire, at(deadline - 1))).toEqual([]));

  it('is not barred by a command that does not ask for it', () => {
    const { barrier: _, ...plain } = release;
    expect(past().when(plain)).toEqual([]);
    expect(past().when({ kind: 'expire', ...seat, holdId: holdId('mina') }, at(deadline))).toEqual([]);
  });
});

describe('a seat that many held', () => {
  const fans = Array.from({ length: 100 }, (_, n) => ({ name: `fan ${n}`, until: at(2_000 + n) }));
  const history = fans.flatMap(({ name, until }) => [held(name, until), released(name)]);

  it('refuses the last 64 by id, and asks the log about the others', () => {
    const seat = past(...history);
    const answers = fans.map(({ name, until }) => seat.when(hold(name, until)));
    expect(answers).toEqual(fans.map((_, n) => (n < 36 ? 'busy' : 'hold-ended')));
    expect(seat.state.endedHolds.known).toHaveLength(64);
    expect(seat.state.endedHolds).toMatchObject({ count: 100, forgottenUntil: at(2_035) });
  });

  it('takes none of them without asking the log, whatever the order of their deadlines', () => {
    const seat = past(...fans.toReversed().flatMap(({ name, until }) => [held(name, until), released(name)]));
    for (const { name, until } of fans)
      expect(['hold-ended', 'busy']).toContain(seat.when(hold(name, until)));
    expect(seat.state.endedHolds.forgottenUntil).toBe(at(2_099));
  });

  it('takes a hold of any deadline that the log says is none of those it has forgotten', () => {
    const seat = past(...history);
    const early = hold('mina', at(2_001));
    expect(seat.when(early)).toBe('busy');
    expect(seat.when({ ...early, notAmongFirst: 35 })).toBe('busy');
    expect(seat.when({ ...early, notAmongFirst: 36 })).toEqual([held('mina', at(2_001))]);
    const bar = { kind: 'release', ...place, holdId: holdId('mina'), reason: 'released' } as const;
    const barring = { ...bar, ...barrier('mina', at(2_001)) };
    expect(seat.when(bar)).toEqual([]);
    expect(seat.when(barring)).toBe('busy');
    expect(seat.when({ ...barring, notAmongFirst: 36 })).toEqual([barred('mina', at(2_001))]);
  });

  it('refuses a hold that ended after the log was asked', () => {
    const since = past(...history, barred('mina', at(2_001)));
    expect(since.when({ ...hold('mina', at(2_001)), notAmongFirst: 100 })).toBe('hold-ended');
  });

  it('is still held by who holds it, however many it has barred meanwhile', () => {
    const bars = fans.map(({ name, until }) => barred(name, until));
    const seat = past(held('mina'), ...bars);
    expect(seat.when(hold('mina'))).toEqual([]);
    expect(seat.when(reserve('mina'))).toEqual([reserved('mina')]);
    expect(seat.when(expire, at(deadline - 1))).toEqual([]);
    expect(seat.when(expire, at(deadline))).toEqual([expired('mina')]);
    const mine = { holdId: holdId('mina'), expiresAt: at(deadline) };
    expect(statusOfHold(seat.state, mine)).toBe('held');
    const bought = past(held('mina'), reserved('mina'), ...bars);
    expect(statusOfHold(bought.state, mine)).toBe('reserved');
    expect(bought.when(release)).toEqual([]);
  });

  it('takes a hold with a later deadline than those it has forgotten without asking the log', () => {
    expect(past(...history).when(hold('mina', at(2_036)))).toEqual([held('mina', at(2_036))]);
  });
});

const minasHold = { holdId: holdId('mina'), expiresAt: at(deadline) };

it.each<[string, SeatEvent[], HoldStatus]>([
  ['never had the seat', [], 'untouched'],
  ['has it', [held('mina')], 'held'],
  ['bought it', [held('mina'), reserved('mina')], 'reserved'],
  ['was released', [held('mina'), released('mina')], 'ended'],
  ['lapsed', [held('mina'), expired('mina')], 'ended'],
  ['was barred', [barred('mina')], 'ended'],
  ['was barred before somebody else held the seat', [barred('mina'), held('jun')], 'ended'],
  [
    'bought it and was refunded',
    [held('mina'), reserved('mina'), cancelled('mina', 'order-failed')],
    'ended',
  ],
  ['finds the seat held by somebody else', [held('jun')], 'untouched'],
  ['finds the seat bought by somebody else', [held('jun'), reserved('jun')], 'untouched'],
])('a hold that %s', (_, history, expected) => {
  const { state } = past(...history);
  expect(statusOfHold(state, minasHold)).toBe(expected);
  expect(isReservedBy(state, minasHold.holdId)).toBe(expected === 'reserved');
});

it.each<[string, SeatEvent[], number, boolean]>([
  ['nobody held it', [], 0, true],
  ['its hold lives', [held('mina')], deadline - 1, false],
  ['its hold has reached its deadline', [held('mina')], deadline, true],
  ['it is bought, for ever', [held('mina'), reserved('mina')], deadline + 1, false],
])('a seat is free or not when %s', (_, history, ms, free) => {
  expect(isFree(past(...history).state, at(ms))).toBe(free);
});
