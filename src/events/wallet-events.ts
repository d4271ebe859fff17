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

/** What a payment request says beside the charge's id, amount and card. */
const frozenRequestSchema = z.object({
  reference: z.string().min(1).max(200),
  /** Where the payment system reports the outcome; null: nowhere. */
  callbackUrl: z.string().min(1).max(2000).nullable(),
});
export type FrozenRequest = z.infer<typeof frozenRequestSchema>;

/**
 * Why a charge needs an operator. `payment-unclear`: it is unknown whether its money was taken, or another
 * amount was taken. `wallet-closed`: the money was taken, and the fan's account was erased before the points were credited.
 */
export const attentionCauses = ['payment-unclear', 'wallet-closed'] as const;
export type AttentionCause = (typeof attentionCauses)[number];

export const settlementOutcomes = ['credited', 'rejected'] as const;
export type SettlementOutcome = (typeof settlementOutcomes)[number];

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
  /** The owner's account is being erased: nothing is credited or spent any more. Refunds still end orders. */
  WalletClosed: defineEvent(
    'WalletClosed',
    z.object({
      userId: userIdSchema,
      /** Points given up. */
      balance: pointsSchema,
    }),
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
      /**
       * The rest of the request to the payment system, as it was made first: every retry sends the same one, even if
       * the configuration has changed. Absent: requested by an older build, which did not record it.
       */
      payment: frozenRequestSchema.optional(),
    }),
    { version: 3 },
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
  /** The payment system is no longer asked: an operator settles the charge, unless a final answer arrives first. */
  ChargeNeedsAttention: defineEvent(
    'ChargeNeedsAttention',
    z.object({
      chargeId: chargeIdSchema,
      userId: userIdSchema,
      amount: positivePoints,
      cause: z.enum(attentionCauses),
      /** What was found, for the operator. */
      reason: z.string().min(1).max(500),
      /** The payment that was found under the charge's id, if any. */
      paymentId: paymentIdSchema.optional(),
    }),
  ),
  /** An operator's decision on a charge that needed attention; the event's actor says who decided. */
  ChargeSettled: defineEvent(
    'ChargeSettled',
    z.object({
      chargeId: chargeIdSchema,
      userId: userIdSchema,
      amount: positivePoints,
      /** Credited: the points go to the wallet. Rejected: they do not, and the charge has ended. */
      outcome: z.enum(settlementOutcomes),
      /** The reason that the operator gave. */
      reason: z.string().min(1).max(500),
    }),
  ),
};
export type ChargeEvent = EventsOf<typeof chargeEvents>;
