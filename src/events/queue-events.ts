import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  holdIdSchema,
  instantSchema,
  orderIdSchema,
  performanceIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from './ids.js';

/**
 * Stream `queue-<performanceId>`: one event per fan who queues. The event's revision is the fan's queue
 * number, given atomically by the store. A second TokenIssued of one token is ignored by every fold.
 */
export const queueEvents = {
  TokenIssued: defineEvent(
    'TokenIssued',
    z.object({
      tokenId: tokenIdSchema,
      performanceId: performanceIdSchema,
      userId: userIdSchema,
      numberOfTickets: z.number().int().min(1),
    }),
  ),
};
export type QueueEvent = EventsOf<typeof queueEvents>;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * Stream `admission-<performanceId>`: who was let in, as contiguous ranges of places, so that jumping the
 * queue cannot be written down. A place equals the queue number, except for those who joined before the
 * opening: their places are a shuffle of their numbers (see domain/shuffle.ts).
 */
export const admissionEvents = {
  /**
   * Fixes which numbers take part in the draw, before the round of the public beacon that decides it can be known. Only for
   * performances that name a round.
   */
  DrawClosed: defineEvent(
    'DrawClosed',
    z.object({
      performanceId: performanceIdSchema,
      /** Queue numbers 0 … shuffledCount−1 will be shuffled. */
      shuffledCount: z.number().int().min(0),
      tokensDigest: sha256Schema,
      beacon: z.object({ chain: z.literal('drand-quicknet'), round: z.number().int().min(1) }),
    }),
  ),
  QueueOpened: defineEvent(
    'QueueOpened',
    z.object({
      performanceId: performanceIdSchema,
      /** Hex. Its SHA-256 was published with the performance before anyone could join. */
      seed: sha256Schema,
      /** Queue numbers 0 … shuffledCount−1 are shuffled. */
      shuffledCount: z.number().int().min(0),
      /** Hex digest of the tokens of these numbers, mixed into the seed. Absent: the seed alone decides (version 1). */
      tokensDigest: sha256Schema.optional(),
      /** The round named by DrawClosed, mixed into the seed as well. */
      beacon: z
        .object({
          chain: z.literal('drand-quicknet'),
          round: z.number().int().min(1),
          /** Hex: a compressed point of BLS12-381 G1. */
          signature: z.string().regex(/^[0-9a-f]{96}$/),
        })
        .optional(),
    }),
    { version: 2 },
  ),
  TokensAdmitted: defineEvent(
    'TokensAdmitted',
    z.object({
      performanceId: performanceIdSchema,
      /** First place admitted; always the previous `to` (or 0). */
      from: z.number().int().min(0),
      /** The place after the last one admitted. */
      to: z.number().int().min(1),
      admittedAt: instantSchema,
      /** A token that has not entered by then expires. */
      expiresAt: instantSchema,
      /** The pace lets the next fan in at this moment at the earliest. */
      nextAt: instantSchema,
    }),
    { version: 2 },
  ),
};
export type AdmissionEvent = EventsOf<typeof admissionEvents>;

const token = { tokenId: tokenIdSchema, userId: userIdSchema, performanceId: performanceIdSchema };

/** Wheelchair places, or one wheelchair place with companion places of it. */
export const wheelchairAccess = z.enum(['wheelchair', 'wheelchair-and-companion']);
export type WheelchairAccess = z.infer<typeof wheelchairAccess>;

/** What the fan asked for: named seats, or the best free ones. */
const seatRequestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('seats') }),
  z.object({
    kind: z.literal('best-available'),
    quantity: z.number().int().min(1),
    category: z.string().optional(),
    /** Id of the only section wanted. */
    section: z.string().optional(),
    /** Absent: neither wheelchair nor companion places. */
    access: wheelchairAccess.optional(),
    acceptRestrictedView: z.boolean().optional(),
  }),
]);

/** What a turn may do without paying: each as the sales rule of the same name. Absent: not limited. */
const turnTermsSchema = z.object({
  maxLapsedHolds: z.number().int().min(1).optional(),
  maxReleasedHolds: z.number().int().min(1).optional(),
  seatCoolDownMs: z.number().int().min(0).optional(),
  idleWindowMs: z.number().int().min(1).optional(),
});
export type TurnTerms = z.infer<typeof turnTermsSchema>;

/** Seats that a new turn is told of: bounds its first event. */
export const maxCoolingSeats = 200;

const coolingSeatSchema = z.object({
  scheduleId: scheduleIdSchema,
  seatId: seatIdSchema,
  until: instantSchema,
});
export type CoolingSeat = z.infer<typeof coolingSeatSchema>;

/** Stream `token-<tokenId>`: one fan's turn at one performance, and the boundary for the fan's seat limit. */
export const tokenEvents = {
  TokenRequested: defineEvent(
    'TokenRequested',
    z.object({
      ...token,
      /** 0 for the fan's first time in this queue, 1 for the second, …: the token id derives from it. */
      entry: z.number().int().min(0),
      numberOfTickets: z.number().int().min(1),
      /**
       * Seats this token may have at once: the performance's limit less what earlier tokens bought; where the rules say
       * so, no more than `numberOfTickets`.
       */
      seatLimit: z.number().int().min(1),
      /** Seats that the fan had in an earlier turn and may not hold again before `until`. */
      cooling: z.array(coolingSeatSchema).max(maxCoolingSeats).optional(),
    }),
    { version: 2 },
  ),
  TokenEntered: defineEvent(
    'TokenEntered',
    z.object({
      ...token,
      place: z.number().int().min(0),
      admittedAt: instantSchema,
      /** The end of the fan's time in the service. */
      expiresAt: instantSchema,
      /** The rules of the sale that this turn is held to, whatever is published later. Absent: none. */
      terms: turnTermsSchema.optional(),
      /** The turn ends at this moment unless seats are held before. Absent: it does not. */
      idleUntil: instantSchema.optional(),
    }),
    { version: 2 },
  ),
  SeatsRequested: defineEvent(
    'SeatsRequested',
    z.object({
      ...token,
      holdId: holdIdSchema,
      scheduleId: scheduleIdSchema,
      seatIds: z.array(seatIdSchema).min(1),
      /** The companion places among the seats: this turn had their wheelchair places then. */
      companions: z.array(z.object({ seatId: seatIdSchema, companionOf: seatIdSchema })).optional(),
      request: seatRequestSchema,
      /** The deadline of the seats' holds. */
      expiresAt: instantSchema,
    }),
    { version: 3 },
  ),
  /**
   * A second run of the request (a retry, in any process) is going to take seats of the hold, beside the first run or
   * after it. Written once for a hold, before that run takes a seat: docs/late-requests.md.
   */
  SeatsRequestRepeated: defineEvent('SeatsRequestRepeated', z.object({ ...token, holdId: holdIdSchema })),
  SeatsReturned: defineEvent(
    'SeatsReturned',
    z.object({
      ...token,
      holdId: holdIdSchema,
      seatIds: z.array(seatIdSchema).min(1),
      reason: z.enum([
        'conflict',
        'released',
        'expired',
        'order-failed',
        'order-cancelled',
        'schedule-cancelled',
        'hall-changed',
      ]),
      /** The fan may not hold these seats again before this moment. Absent: at once. */
      coolUntil: instantSchema.optional(),
      /** The fan has no other seats: the turn ends at this moment unless seats are held before. Absent: it does not. */
      idleUntil: instantSchema.optional(),
    }),
    { version: 3 },
  ),
  TokenCompleted: defineEvent('TokenCompleted', z.object({ ...token, orderId: orderIdSchema })),
  TokenExpired: defineEvent(
    'TokenExpired',
    z.object({
      ...token,
      /**
       * `claim-lapsed`: admitted but never entered. `time-used-up`: entered and did not finish. `idle`: inside without a hold
       * for too long. `unpaid-holds`: too many holds lapsed or were given back.
       */
      reason: z.enum(['claim-lapsed', 'time-used-up', 'queue-full', 'sale-ended', 'idle', 'unpaid-holds']),
    }),
    { version: 2 },
  ),
  TokenLeft: defineEvent('TokenLeft', z.object(token)),
};
export type TokenEvent = EventsOf<typeof tokenEvents>;
