import { maxHoldsPerToken, outstandingSeats, type TokenCommand } from '../../src/domain/token.js';
import { scheduleIdSchema } from '../../src/events/ids.js';
import type { TokenEvent } from '../../src/events/queue-events.js';
import { at, named } from './given.js';
import {
  admission,
  ask,
  asked,
  completed,
  entered,
  expired,
  giveBack,
  holdId,
  holdTtlMs,
  inside,
  left,
  orderId,
  owner,
  past,
  type Reason,
  repeat,
  repeated,
  request,
  requested,
  returned,
  seats,
  turnEnd,
} from './token-history.js';

describe('joining', () => {
  it('happens once, whatever became of the token', () => {
    expect(past().when({ kind: 'request', ...request })).toEqual([requested]);
    for (const history of [[requested], [requested, entered], [requested, left]]) {
      expect(past(...history).when({ kind: 'request', ...request })).toEqual([]);
    }
  });

  it.each<TokenCommand>([
    { kind: 'enter', admission },
    ask('h', 'A-1'),
    giveBack('h', 'released', 'A-1'),
    repeat('h'),
    { kind: 'complete', orderId },
    { kind: 'expire', reason: 'queue-full' },
    { kind: 'leave' },
  ])('comes before everything else: $kind', (command) => expect(past().when(command)).toBe('token-unknown'));
});

describe('entering', () => {
  const enter = { kind: 'enter', admission } as const;

  it('starts the time inside at the moment of entering', () =>
    expect(past(requested).when(enter, at(4_999))).toEqual([
      {
        type: 'TokenEntered',
        data: { ...owner, place: 7, admittedAt: at(0), expiresAt: at(4_999 + turnEnd) },
      },
    ]));

  it('is too late exactly when the claim window ends', () =>
    expect(past(requested).when(enter, at(5_000))).toBe('token-ended'));

  it('must wait for the admission', () =>
    expect(past(requested).when({ kind: 'enter', admission: undefined })).toBe('token-waiting'));

  it('happens once, and is refused when the time inside is over', () => {
    expect(inside().when(enter, at(turnEnd - 1))).toEqual([]);
    expect(inside().when(enter, at(turnEnd))).toBe('token-ended');
    for (const end of [completed, left, expired()]) expect(inside(end).when(enter)).toBe('token-ended');
  });
});

describe('asking for seats', () => {
  it('enters first when the fan has not yet', () =>
    expect(past(requested).when({ ...ask('h', 'A-1'), admission })).toEqual([entered, asked('h', 'A-1')]));

  it('is refused before the turn, after it, and once it ended', () => {
    expect(past(requested).when(ask('h', 'A-1'))).toBe('token-waiting');
    expect(past(requested).when({ ...ask('h', 'A-1'), admission }, at(5_000))).toBe('token-ended');
    expect(inside().when(ask('h', 'A-1'), at(turnEnd))).toBe('token-ended');
    for (const end of [completed, left, expired()])
      expect(inside(end).when(ask('h', 'A-1'))).toBe('token-ended');
  });

  it('gives the hold its time, but never longer than the turn', () => {
    const deadlineAt = (now: number) => {
      const [event] = inside().when(ask('h', 'A-1'), at(now));
      return typeof event === 'object' && event.type === 'SeatsRequested' ? event.data.expiresAt : undefined;
    };
    expect(deadlineAt(0)).toBe(at(holdTtlMs));
    expect(deadlineAt(turnEnd - holdTtlMs + 1)).toBe(at(turnEnd));
  });

  it('stops at the limit over all holds, and continues when seats were returned', () => {
    const three = inside(asked('h', 'A-1', 'A-2', 'A-3'));
    expect(three.when(ask('i', 'B-1'))).toEqual([asked('i', 'B-1')]);
    expect(three.when(ask('i', 'B-1', 'B-2'))).toBe('seat-limit-reached');
    expect(three.factsOf(ask('i', 'B-1', 'B-2'))).toEqual({ seatLimit: 4, asked: 5 });
    const oneBack = inside(asked('h', 'A-1', 'A-2', 'A-3'), returned('h', 'released', 'A-2'));
    expect(oneBack.when(ask('i', 'B-1', 'B-2'))).toEqual([asked('i', 'B-1', 'B-2')]);
    expect(oneBack.when(ask('i', 'B-1', 'B-2', 'B-3'))).toBe('seat-limit-reached');
  });

  it('is bounded over the life of a token', () => {
    const many = Array.from({ length: maxHoldsPerToken }, (_, n) => [
      asked(`h${n}`, 'A-1'),
      returned(`h${n}`, 'released', 'A-1'),
    ]).flat();
    expect(inside(...many.slice(0, -2)).when(ask('last', 'A-1'))).toHaveLength(1);
    expect(inside(...many).when(ask('one more', 'A-1'))).toBe('seat-limit-reached');
  });
});

describe('asking again with the same hold id', () => {
  it('changes nothing while the hold is whole, until its deadline', () => {
    const once = inside(asked('h', 'A-1', 'A-2'));
    expect(once.when(ask('h', 'A-2', 'A-1'), at(holdTtlMs - 1))).toEqual([]);
    expect(once.when(ask('h', 'A-1', 'A-2'), at(holdTtlMs))).toBe('hold-ended');
  });

  it.each<[string, Partial<Extract<TokenCommand, { kind: 'request-seats' }>>]>([
    ['seats', { seatIds: seats('A-1', 'A-3') }],
    ['fewer seats', { seatIds: seats('A-1') }],
    ['more seats', { seatIds: seats('A-1', 'A-2', 'A-3') }],
    ['another date', { scheduleId: named(scheduleIdSchema, 'tomorrow') }],
    ['the best instead', { request: { kind: 'best-available', quantity: 2 } }],
  ])('is refused for something else: %s', (_, change) =>
    expect(inside(asked('h', 'A-1', 'A-2')).when({ ...ask('h', 'A-1', 'A-2'), ...change })).toBe(
      'idempotency-key-reused',
    ),
  );

  it('compares best-available requests by what was asked, not by what was chosen', () => {
    const best = (quantity: number, category?: string) =>
      ({ kind: 'best-available', quantity, ...(category ? { category } : {}) }) as const;
    const command = { ...ask('h', 'A-1', 'A-2'), request: best(2, 'R') };
    const history = inside().when(command);
    const once = inside(...(typeof history === 'string' ? [] : history));
    expect(once.when({ ...command, seatIds: seats('B-1', 'B-2') })).toEqual([]);
    for (const other of [best(3, 'R'), best(2, 'S'), best(2), { kind: 'seats' } as const]) {
      expect(once.when({ ...command, request: other })).toBe('idempotency-key-reused');
    }
  });

  it.each<Reason>(['conflict', 'released', 'expired'])(
    'never revives a hold that was given back: %s',
    (reason) => {
      expect(inside(asked('h', 'A-1'), returned('h', reason, 'A-1')).when(ask('h', 'A-1'))).toBe(
        'hold-ended',
      );
      const partly = inside(asked('h', 'A-1', 'A-2'), returned('h', reason, 'A-1'));
      expect(partly.when(ask('h', 'A-1', 'A-2'))).toBe('hold-ended');
    },
  );
});

describe('a second run of a request', () => {
  it('makes itself known once, also after the turn has ended', () => {
    expect(inside(asked('h', 'A-1')).when(repeat('h'))).toEqual([repeated('h')]);
    expect(inside(asked('h', 'A-1'), completed).when(repeat('h'))).toEqual([repeated('h')]);
    expect(inside(asked('h', 'A-1'), repeated('h')).when(repeat('h'))).toEqual([]);
  });

  it('is refused for a hold that is not whole, not live, or not there', () => {
    const two = [asked('h', 'A-1', 'A-2'), returned('h', 'conflict', 'A-1')];
    expect(inside(...two).when(repeat('h'))).toBe('hold-ended');
    expect(inside(asked('h', 'A-1')).when(repeat('h'), at(holdTtlMs - 1))).toEqual([repeated('h')]);
    expect(inside(asked('h', 'A-1')).when(repeat('h'), at(holdTtlMs))).toBe('hold-ended');
    expect(inside().when(repeat('h'))).toBe('hold-ended');
    expect(inside(repeated('h')).state).toEqual(inside().state);
  });

  it('refuses to return seats that are not barred', () => {
    const conflict = { ...giveBack('h', 'conflict', 'A-1', 'A-2'), isBarred: false };
    const back = returned('h', 'conflict', 'A-1', 'A-2');
    const once = asked('h', 'A-1', 'A-2');
    expect(inside(once).when(conflict)).toEqual([back]);
    expect(inside(once, repeated('h')).when(conflict)).toBe('hold-in-progress');
    expect(inside(once, repeated('h')).when({ ...conflict, isBarred: true })).toEqual([back]);
    expect(inside(once, repeated('h'), back).when(conflict)).toEqual([]);
    expect(inside(asked('i', 'B-1'), once, repeated('i')).when(conflict)).toEqual([back]);
  });
});

describe('giving seats back', () => {
  it('counts each seat once', () => {
    const two = inside(asked('h', 'A-1', 'A-2'));
    expect(two.when(giveBack('h', 'released', 'A-1', 'B-9'))).toEqual([returned('h', 'released', 'A-1')]);
    const one = inside(asked('h', 'A-1', 'A-2'), returned('h', 'released', 'A-1'));
    expect(one.when(giveBack('h', 'expired', 'A-1'))).toEqual([]);
    expect(one.when(giveBack('unknown', 'expired', 'A-2'))).toEqual([]);
    expect(one.state.kind === 'none' ? 0 : outstandingSeats(one.state)).toBe(1);
  });

  it('is possible after the turn has ended', () =>
    expect(inside(asked('h', 'A-1'), completed).when(giveBack('h', 'released', 'A-1'))).toEqual([
      returned('h', 'released', 'A-1'),
    ]));

  it('remembers that a seat was lost to somebody else, and only then', () => {
    const lostSeat = (reason: Reason) => {
      const { state } = inside(asked('h', 'A-1'), returned('h', reason, 'A-1'));
      return state.kind === 'none' ? undefined : state.holds.get(holdId('h'))?.lostSeat;
    };
    expect([lostSeat('conflict'), lostSeat('released'), lostSeat('expired')]).toEqual([true, false, false]);
  });
});

describe('the end of a token', () => {
  const ends: [TokenCommand, TokenEvent][] = [
    [{ kind: 'complete', orderId }, completed],
    [{ kind: 'expire', reason: 'time-used-up' }, expired()],
    [{ kind: 'leave' }, left],
  ];

  it('comes once: whatever ended it first stands', () => {
    for (const [command, event] of ends) expect(inside().when(command, at(turnEnd))).toEqual([event]);
    for (const [, first] of ends) {
      for (const [command] of ends) expect(inside(first).when(command, at(turnEnd))).toEqual([]);
    }
  });

  it('is remembered with its reason', () => {
    const endOf = (event: TokenEvent) => {
      const { state } = inside(event);
      return state.kind === 'ended' ? state.end : undefined;
    };
    expect(endOf(completed)).toEqual({ kind: 'completed', orderId });
    expect(endOf(expired())).toEqual({ kind: 'expired', reason: 'time-used-up' });
    expect(endOf(left)).toEqual({ kind: 'left' });
  });

  it('has no history before the token was requested, and none of holds it never made', () => {
    expect(past(entered, completed).state).toEqual({ kind: 'none' });
    expect(inside(returned('h', 'released', 'A-1')).state).toEqual(inside().state);
  });

  it('comes by a lapsed claim exactly at the end of the window, and only to those who wait', () => {
    const lapse = { kind: 'expire', reason: 'claim-lapsed', claimUntil: at(5_000) } as const;
    expect(past(requested).when(lapse, at(4_999))).toEqual([]);
    expect(past(requested).when(lapse, at(5_000))).toEqual([expired('claim-lapsed')]);
    expect(inside().when(lapse, at(5_000))).toEqual([]);
    expect(past(requested).when({ kind: 'expire', reason: 'claim-lapsed' }, at(5_000))).toEqual([]);
  });

  it('comes when the time inside is over, not a millisecond before, and not to those who wait', () => {
    const lapse = { kind: 'expire', reason: 'time-used-up' } as const;
    expect(inside().when(lapse, at(turnEnd - 1))).toEqual([]);
    expect(past(requested).when(lapse, at(turnEnd))).toEqual([]);
  });

  it.each(['queue-full', 'sale-ended'] as const)('comes to those who wait only: %s', (reason) => {
    expect(past(requested).when({ kind: 'expire', reason })).toEqual([expired(reason)]);
    expect(inside().when({ kind: 'expire', reason })).toEqual([]);
  });

  it('is not possible by leaving while seats are counted', () => {
    expect(inside(asked('h', 'A-1')).when({ kind: 'leave' })).toBe('hold-in-progress');
    const empty = inside(asked('h', 'A-1'), returned('h', 'released', 'A-1'));
    expect(empty.when({ kind: 'leave' })).toEqual([left]);
  });
});
