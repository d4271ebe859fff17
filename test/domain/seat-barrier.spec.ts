import { statusOfHold } from '../../src/domain/seat.js';
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
} from './seat-story.js';

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

  it('is not barred by who does not ask for it', () => {
    const { barrier: _, ...plain } = release;
    expect(past().when(plain)).toEqual([]);
    expect(past().when({ kind: 'expire', ...seat, holdId: holdId('mina') }, at(deadline))).toEqual([]);
  });
});

describe('a seat that many held', () => {
  const fans = Array.from({ length: 100 }, (_, n) => ({ name: `fan ${n}`, until: at(2_000 + n) }));
  const history = fans.flatMap(({ name, until }) => [held(name, until), released(name)]);

  it('refuses them all, though it knows only 64 by name', () => {
    const seat = past(...history);
    for (const { name, until } of fans) expect(seat.when(hold(name, until))).toBe('hold-ended');
    expect(seat.state.endedHolds.known).toHaveLength(64);
    expect(seat.state.endedHolds.forgottenUntil).toBe(at(2_035));
  });

  it('refuses them whatever the order of their deadlines', () => {
    const seat = past(...fans.toReversed().flatMap(({ name, until }) => [held(name, until), released(name)]));
    for (const { name, until } of fans) expect(seat.when(hold(name, until))).toBe('hold-ended');
    expect(seat.state.endedHolds.forgottenUntil).toBe(at(2_035));
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

  it('takes new ones, and takes for an old one only who would have to let go before those did', () => {
    const seat = past(...history);
    expect(seat.when(hold('mina', at(2_036)))).toEqual([held('mina', at(2_036))]);
    expect(seat.when(hold('mina', at(2_035)))).toBe('hold-ended');
  });
});
