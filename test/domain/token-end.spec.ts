import { type TokenCommand } from '../../src/domain/token.js';
import type { TokenEvent } from '../../src/events/queue-events.js';
import { at } from './given.js';
import {
  asked,
  completed,
  entered,
  expired,
  inside,
  left,
  orderId,
  past,
  requested,
  returned,
  turnEnd,
} from './token-story.js';

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
