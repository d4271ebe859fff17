import { type SeatCommand, seatDecider } from '../../src/domain/seat.js';
import {
  holdIdSchema,
  orderIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from '../../src/events/ids.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { at, given, named } from './given.js';

export const seat = { scheduleId: named(scheduleIdSchema, 'tonight'), seatId: seatIdSchema.parse('A-1') };
export const holdId = (name: string) => named(holdIdSchema, name);
export const orderId = (name: string) => named(orderIdSchema, name);
export const ownerOf = (name: string) => ({
  userId: named(userIdSchema, name),
  tokenId: named(tokenIdSchema, name),
});
export const deadline = 1_000;

export const hold = (name: string, expiresAt = at(deadline)) =>
  ({ kind: 'hold', ...seat, holdId: holdId(name), ...ownerOf(name), price: 100, expiresAt }) as const;
export const held = (name: string, expiresAt = at(deadline)): SeatEvent => {
  const { kind: _, ...data } = hold(name, expiresAt);
  return { type: 'SeatHeld', data };
};
export const of = (name: string) => ({ ...seat, holdId: holdId(name), userId: ownerOf(name).userId });
export const released = (
  name: string,
  reason: 'conflict' | 'released' | 'order-failed' = 'released',
): SeatEvent => ({
  type: 'SeatHoldReleased',
  data: { ...of(name), reason },
});
export const expired = (name: string): SeatEvent => ({
  type: 'SeatHoldExpired',
  data: { ...of(name), expiredAt: at(deadline) },
});
/** Asks the seat to bar the fan's hold if it does not have it. */
export const barrier = (name: string, expiresAt = at(deadline)) => ({
  barrier: { userId: ownerOf(name).userId, expiresAt },
});
export const barred = (name: string, expiresAt = at(deadline)): SeatEvent => ({
  type: 'SeatHoldBarred',
  data: { ...of(name), expiresAt },
});
export const reserved = (name: string): SeatEvent => ({
  type: 'SeatReserved',
  data: { ...of(name), orderId: orderId(name), price: 100 },
});
export const cancelled = (name: string, reason: 'order-failed' | 'order-cancelled'): SeatEvent => ({
  type: 'SeatReservationCancelled',
  data: { ...seat, userId: ownerOf(name).userId, orderId: orderId(name), reason },
});
export const reserve = (name: string, order = name): SeatCommand => ({
  kind: 'reserve',
  ...seat,
  holdId: holdId(name),
  orderId: orderId(order),
});
export const giveBack = (
  name: string,
  reason: 'order-failed' | 'order-cancelled' = 'order-failed',
): SeatCommand => ({
  kind: 'give-back',
  ...seat,
  holdId: holdId(name),
  orderId: orderId(name),
  reason,
});
export const past = (...history: SeatEvent[]) => given(seatDecider, history);
