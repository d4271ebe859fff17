/** What the queries of users, wallets and charges answer. */
import { z } from 'zod';
import {
  chargeIdSchema,
  instantSchema,
  orderIdSchema,
  paymentIdSchema,
  pointsSchema,
  sessionIdSchema,
  userIdSchema,
} from '../../events/ids.js';
import { attentionCauses } from '../../events/wallet-events.js';
import { asOfField, named, type Reply, sample } from './reply.js';

const createdAt = '2026-11-20T03:12:45.120Z';
const updatedAt = '2026-11-22T09:00:00.000Z';
const changed = { createdAt: instantSchema, updatedAt: instantSchema };

/** Who a user is. */
export const personFields = {
  userId: userIdSchema,
  loginId: z.string(),
  username: z.string(),
  name: z.string(),
};
export const personExample = { userId: sample.userId, loginId: 'minji', username: 'Minji', name: '김민지' };

export const userReply = named('User', z.strictObject({ ...personFields, ...changed }), {
  ...personExample,
  createdAt,
  updatedAt,
});
export type UserReply = Reply<typeof userReply>;

/** A session as its user sees it. */
const sessionFields = {
  sessionId: sessionIdSchema,
  startedAt: instantSchema,
  refreshedAt: instantSchema.describe('Its last refresh; the log-in when there was none.'),
  expiresAt: instantSchema.describe('When it ends unless it is refreshed before.'),
};
const sessionInfo = z.strictObject(sessionFields);
export type SessionInfo = z.infer<typeof sessionInfo>;

export const sessionsReply = named(
  'Sessions',
  z.strictObject({
    items: z.array(
      z.strictObject({
        ...sessionFields,
        isCurrent: z.boolean().describe('The session of the access token that asks.'),
      }),
    ),
  }),
  {
    items: [
      {
        sessionId: sample.sessionId,
        startedAt: createdAt,
        refreshedAt: updatedAt,
        expiresAt: '2026-12-06T09:00:00.000Z',
        isCurrent: true,
      },
    ],
  },
);

export const walletReply = named(
  'Wallet',
  z.strictObject({ userId: userIdSchema, balance: pointsSchema, ...changed, ...asOfField }),
  { userId: sample.userId, balance: 170000, createdAt, updatedAt },
);
export type WalletReply = Reply<typeof walletReply>;

export const walletEntryReply = named(
  'WalletEntry',
  z.strictObject({
    kind: z.enum(['charged', 'spent', 'refunded']),
    amount: pointsSchema,
    balance: pointsSchema.describe('Points left after this entry.'),
    chargeId: chargeIdSchema.nullable(),
    orderId: orderIdSchema.nullable(),
    at: instantSchema,
    position: z.number().int(),
  }),
  {
    kind: 'charged',
    amount: 500000,
    balance: 500000,
    chargeId: sample.chargeId,
    orderId: null,
    at: createdAt,
    position: 4523,
  },
);
export type WalletEntryReply = Reply<typeof walletEntryReply>;

export const chargeStatuses = ['pending', 'approved', 'credited', 'declined', 'needs-attention'] as const;
export type ChargeStatus = (typeof chargeStatuses)[number];
const chargeStatus = z
  .enum(chargeStatuses)
  .describe(
    'needs-attention: the outcome of the payment stays unclear, so an operator must settle the charge.',
  );

export const chargeReply = named(
  'Charge',
  z.strictObject({
    chargeId: chargeIdSchema,
    userId: userIdSchema,
    amount: pointsSchema,
    status: chargeStatus,
    paymentId: paymentIdSchema.nullable(),
    declineReason: z.string().nullable(),
    ...changed,
  }),
  {
    chargeId: sample.chargeId,
    userId: sample.userId,
    amount: 500000,
    status: 'credited',
    paymentId: 'pay_01JD8Z6W',
    declineReason: null,
    createdAt,
    updatedAt,
  },
);
export type ChargeReply = Reply<typeof chargeReply>;

/** A charge as operators see it. */
export const operatedChargeReply = named(
  'OperatedCharge',
  z.strictObject({
    chargeId: chargeIdSchema.describe('Also the idempotency key of its payment.'),
    userId: userIdSchema,
    amount: pointsSchema,
    status: chargeStatus,
    paymentId: paymentIdSchema.nullable().describe('The payment that was found; null when none was.'),
    declineReason: z.string().nullable(),
    attention: z
      .strictObject({ cause: z.enum(attentionCauses), reason: z.string() })
      .nullable()
      .describe('Why it needs or needed an operator.'),
    settleReason: z.string().nullable().describe('The reason that the operator gave when settling it.'),
    ...changed,
  }),
  {
    chargeId: sample.chargeId,
    userId: sample.userId,
    amount: 500000,
    status: 'needs-attention',
    paymentId: 'pay_01JD8Z6W',
    declineReason: null,
    attention: {
      cause: 'payment-unclear',
      reason: 'Payment pay_01JD8Z6W took 400000 points instead of 500000.',
    },
    settleReason: null,
    createdAt,
    updatedAt,
  },
);
export type OperatedChargeReply = Reply<typeof operatedChargeReply>;
