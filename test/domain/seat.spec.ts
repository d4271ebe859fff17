import { isFree, noEndedHolds, seatDecider } from '../../src/domain/seat.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { at } from './given.js';
import {
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

  it('never revives a lapsed hold that nobody expired yet', () =>
    expect(past(held('mina')).when(hold('mina', at(9_000)), at(deadline))).toBe('hold-ended'));

  it('refuses a sold seat', () =>
    expect(past(held('mina'), reserved('mina')).when(hold('jun'))).toBe('seat-reserved'));

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
