import { type Admission, type TokenCommand, tokenDecider } from '../../src/domain/token.js';
import {
  holdIdSchema,
  orderIdSchema,
  performanceIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from '../../src/events/ids.js';
import type { TokenEvent } from '../../src/events/queue-events.js';
import { at, given, named } from './given.js';

export const owner = {
  tokenId: named(tokenIdSchema, 't'),
  userId: named(userIdSchema, 'mina'),
  performanceId: named(performanceIdSchema, 'p'),
};
export const request = { ...owner, entry: 0, numberOfTickets: 2, seatLimit: 4 };
export const requested: TokenEvent = { type: 'TokenRequested', data: request };
export const turnEnd = 60_000;
export const entered: TokenEvent = {
  type: 'TokenEntered',
  data: { ...owner, place: 7, admittedAt: at(0), expiresAt: at(turnEnd) },
};
export const admission: Admission = {
  place: 7,
  admittedAt: at(0),
  claimUntil: at(5_000),
  serviceWindowMs: turnEnd,
};
export const holdTtlMs = 10_000;
export const scheduleId = named(scheduleIdSchema, 'tonight');
export const holdId = (name: string) => named(holdIdSchema, name);
export const seats = (...names: string[]) => names.map((name) => seatIdSchema.parse(name));
export const ask = (hold: string, ...names: string[]) =>
  ({
    kind: 'request-seats',
    holdId: holdId(hold),
    scheduleId,
    seatIds: seats(...names),
    request: { kind: 'seats' },
    holdTtlMs,
    admission: undefined,
  }) as const;
export const asked = (hold: string, ...names: string[]): TokenEvent => ({
  type: 'SeatsRequested',
  data: {
    ...owner,
    holdId: holdId(hold),
    scheduleId,
    seatIds: seats(...names),
    request: { kind: 'seats' },
    expiresAt: at(holdTtlMs),
  },
});
export type Reason = 'conflict' | 'released' | 'expired';
export const giveBack = (hold: string, reason: Reason, ...names: string[]) =>
  ({
    kind: 'return-seats',
    holdId: holdId(hold),
    seatIds: seats(...names),
    reason,
    isBarred: true,
  }) as const satisfies TokenCommand;
export const repeat = (hold: string): TokenCommand => ({ kind: 'record-second-run', holdId: holdId(hold) });
export const repeated = (hold: string): TokenEvent => ({
  type: 'SeatsRequestRepeated',
  data: { ...owner, holdId: holdId(hold) },
});
export const returned = (hold: string, reason: Reason, ...names: string[]): TokenEvent => ({
  type: 'SeatsReturned',
  data: { ...owner, holdId: holdId(hold), seatIds: seats(...names), reason },
});
export const orderId = named(orderIdSchema, 'o');
export const completed: TokenEvent = { type: 'TokenCompleted', data: { ...owner, orderId } };
export const left: TokenEvent = { type: 'TokenLeft', data: owner };
export const expired = (
  reason: Extract<TokenEvent, { type: 'TokenExpired' }>['data']['reason'] = 'time-used-up',
): TokenEvent => ({ type: 'TokenExpired', data: { ...owner, reason } });
export const past = (...history: TokenEvent[]) => given(tokenDecider, history);
export const inside = (...history: TokenEvent[]) => past(requested, entered, ...history);
