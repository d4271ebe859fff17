import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  chargeIdSchema,
  orderIdSchema,
  paymentIdSchema,
  pointsSchema,
  refundIdSchema,
  userIdSchema,
} from './ids.js';

const positivePoints = pointsSchema.min(1);

/** Stream `wallet-<userId>`: every change of a fan's points. `balance` is the balance after the event. */
export const walletEvents = {
  PointsCharged: defineEvent(
    'PointsCharged',
    z.object({
      userId: userIdSchema,
      chargeId: chargeIdSchema,
      amount: positivePoints,
      balance: pointsSchema,
    }),
  ),
  PointsSpent: defineEvent(
    'PointsSpent',
    z.object({ userId: userIdSchema, orderId: orderIdSchema, amount: pointsSchema, balance: pointsSchema }),
  ),
  PointsRefunded: defineEvent(
    'PointsRefunded',
    z.object({
      userId: userIdSchema,
      orderId: orderIdSchema,
      /** Absent: what is left of the order's points goes back, and the order cannot spend any more. */
      refundId: refundIdSchema.optional(),
      /** 0 when the order had spent nothing: the event then only prevents it from spending later. */
      amount: pointsSchema,
      balance: pointsSchema,
    }),
    { version: 2 },
  ),
};
export type WalletEvent = EventsOf<typeof walletEvents>;

/** Stream `charge-<chargeId>`: one attempt to buy points through the payment system. */
export const chargeEvents = {
  ChargeRequested: defineEvent(
    'ChargeRequested',
    z.object({
      chargeId: chargeIdSchema,
      userId: userIdSchema,
      amount: positivePoints,
      /** The payment system's token for the card, never the card number. */
      paymentMethod: z.string().min(1).max(100),
    }),
    { version: 2 },
  ),
  ChargeApproved: defineEvent(
    'ChargeApproved',
    z.object({
      chargeId: chargeIdSchema,
      userId: userIdSchema,
      amount: positivePoints,
      paymentId: paymentIdSchema,
    }),
  ),
  ChargeDeclined: defineEvent(
    'ChargeDeclined',
    z.object({
      chargeId: chargeIdSchema,
      userId: userIdSchema,
      amount: positivePoints,
      /** The payment system's own text. */
      reason: z.string().min(1).max(200),
    }),
  ),
};
export type ChargeEvent = EventsOf<typeof chargeEvents>;
