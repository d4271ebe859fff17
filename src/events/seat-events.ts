import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  holdIdSchema,
  type Instant,
  instantSchema,
  orderIdSchema,
  pointsSchema,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
  tokenIdSchema,
  userIdSchema,
} from './ids.js';

const seat = { scheduleId: scheduleIdSchema, seatId: seatIdSchema };
const held = { ...seat, holdId: holdIdSchema, userId: userIdSchema };

/** No hold takes the seat before this moment. Absent: at once. */
const availableFrom = { availableFrom: instantSchema.optional() };

/** Seats that come back within one such time come back together, ms. */
const batchMs = 1_000;

/**
 * When a seat is on sale again: the delay after its end, and then with all others of the same batch.
 * @param returnDelayMs 0: at once.
 * @returns undefined: at once.
 */
export function returnMoment(end: Instant, returnDelayMs: number): Instant | undefined {
  if (returnDelayMs === 0) return undefined;
  return toInstant(Math.ceil((Date.parse(end) + returnDelayMs) / batchMs) * batchMs);
}

/** Stream `seat-<scheduleId>.<seatId>`: one seat on one date. A seat that was never held has no events. */
export const seatEvents = {
  SeatHeld: defineEvent(
    'SeatHeld',
    z.object({
      ...held,
      tokenId: tokenIdSchema,
      price: pointsSchema,
      expiresAt: instantSchema,
      /**
       * How long after its end, whatever ends it, the seat comes on sale again: drawn at random and told to no fan. Absent:
       * at once.
       */
      returnDelayMs: z.number().int().min(1).optional(),
    }),
    { version: 2 },
  ),
  SeatHoldReleased: defineEvent(
    'SeatHoldReleased',
    z.object({
      ...held,
      reason: z.enum(['conflict', 'released', 'order-failed', 'schedule-cancelled', 'hall-changed']),
      ...availableFrom,
    }),
    { version: 3 },
  ),
  SeatHoldExpired: defineEvent(
    'SeatHoldExpired',
    z.object({ ...held, expiredAt: instantSchema, ...availableFrom }),
    { version: 2 },
  ),
  /**
   * A hold that ended without ever having the seat can never take it: docs/late-requests.md. Says nothing about who has
   * the seat.
   */
  SeatHoldBarred: defineEvent(
    'SeatHoldBarred',
    z.object({
      ...held,
      /** The deadline the hold was requested with. */
      expiresAt: instantSchema,
    }),
  ),
  SeatReserved: defineEvent(
    'SeatReserved',
    z.object({ ...held, orderId: orderIdSchema, price: pointsSchema }),
  ),
  SeatReservationCancelled: defineEvent(
    'SeatReservationCancelled',
    z.object({
      ...seat,
      userId: userIdSchema,
      orderId: orderIdSchema,
      reason: z.enum(['order-failed', 'order-cancelled']),
      ...availableFrom,
    }),
    { version: 2 },
  ),
};
export type SeatEvent = EventsOf<typeof seatEvents>;
