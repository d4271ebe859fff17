import { z } from 'zod';
import {
  chargeIdSchema,
  instantSchema,
  orderIdSchema,
  paymentIdSchema,
  pointsSchema,
  userIdSchema,
} from '../../../events/ids.js';
import type { ChargeReply, UserReply, WalletEntryReply, WalletReply } from '../../../queries/replies.js';
import { documented, positionSchema, sample } from '../operation.js';
import { asOfField } from './as-of.js';

const createdAt = '2026-11-20T03:12:45.120Z';
const updatedAt = '2026-11-22T09:00:00.000Z';
const person = { userId: userIdSchema, loginId: z.string(), username: z.string(), name: z.string() };
const personExample = { userId: sample.userId, loginId: 'minji', username: 'Minji', name: '김민지' };
const changed = { createdAt: instantSchema, updatedAt: instantSchema };

export const registeredUser = documented(
  'RegisteredUser',
  z.strictObject({ ...person, position: positionSchema }),
  { ...personExample, position: 4711 },
);

export const user = documented(
  'User',
  z.strictObject({ ...person, ...changed }) satisfies z.ZodType<UserReply>,
  { ...personExample, createdAt, updatedAt },
);

export const erasedUser = documented(
  'ErasedUser',
  z.strictObject({ userId: userIdSchema, position: positionSchema.nullable() }),
  { userId: sample.userId, position: 4711 },
);

export const session = documented(
  'Session',
  z.strictObject({
    userId: userIdSchema,
    accessToken: z.string().describe('Send it as bearer token.'),
    accessTokenExpiresAt: instantSchema,
    refreshToken: z.string().describe('Good for one refresh.'),
    refreshTokenExpiresAt: instantSchema,
  }),
  {
    userId: sample.userId,
    accessToken: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwYjhmIn0.c2lnbmF0dXJl',
    accessTokenExpiresAt: '2026-11-22T09:15:00.000Z',
    refreshToken: 'eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI3YzFkIn0.c2lnbmF0dXJl',
    refreshTokenExpiresAt: '2026-12-06T09:00:00.000Z',
  },
);

export const wallet = documented(
  'Wallet',
  z.strictObject({
    userId: userIdSchema,
    balance: pointsSchema,
    ...changed,
    ...asOfField,
  }) satisfies z.ZodType<WalletReply>,
  { userId: sample.userId, balance: 170000, createdAt, updatedAt },
);

export const walletEntry = documented(
  'WalletEntry',
  z.strictObject({
    kind: z.enum(['charged', 'spent', 'refunded']),
    amount: pointsSchema,
    balance: pointsSchema.describe('Points left after this entry.'),
    chargeId: chargeIdSchema.nullable(),
    orderId: orderIdSchema.nullable(),
    at: instantSchema,
    position: z.number().int(),
  }) satisfies z.ZodType<WalletEntryReply>,
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

/** The reply to asking for points. */
export const chargeReceipt = documented(
  'ChargeReceipt',
  z.strictObject({
    chargeId: chargeIdSchema,
    amount: pointsSchema,
    status: z.enum(['credited', 'pending']),
    balance: pointsSchema.optional().describe('Points in the wallet now; only once credited.'),
    cause: z.string().optional().describe('Why it is pending.'),
    position: positionSchema,
  }),
  { chargeId: sample.chargeId, amount: 500000, status: 'credited', balance: 500000, position: 4523 },
);

export const charge = documented(
  'Charge',
  z.strictObject({
    chargeId: chargeIdSchema,
    userId: userIdSchema,
    amount: pointsSchema,
    status: z.enum(['pending', 'approved', 'credited', 'declined']),
    paymentId: paymentIdSchema.nullable(),
    declineReason: z.string().nullable(),
    ...changed,
  }) satisfies z.ZodType<ChargeReply>,
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
