import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  holdIdSchema,
  instantSchema,
  orderIdSchema,
  pointsSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from './ids.js';

const seat = { scheduleId: scheduleIdSchema, seatId: seatIdSchema };
const held = { ...seat, holdId: holdIdSchema, userId: userIdSchema };

/** Stream `seat-<scheduleId>.<seatId>`: one seat on one date. A seat that was never held has no events. */
export const seatEvents = {
  SeatHeld: defineEvent(
    'SeatHeld',
    z.object({ ...held, tokenId: tokenIdSchema, price: pointsSchema, expiresAt: instantSchema }),
  ),
  SeatHoldReleased: defineEvent(
    'SeatHoldReleased',
    z.object({
      ...held,
      reason: z.enum(['conflict', 'released', 'order-failed', 'schedule-cancelled', 'hall-changed']),
    }),
    { version: 2 },
  ),
  SeatHoldExpired: defineEvent('SeatHoldExpired', z.object({ ...held, expiredAt: instantSchema })),
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
    }),
  ),
};
export type SeatEvent = EventsOf<typeof seatEvents>;
