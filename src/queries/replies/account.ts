/** What the queries of users, wallets and charges answer. */
import { z } from 'zod';
import {
  chargeIdSchema,
  instantSchema,
  orderIdSchema,
  paymentIdSchema,
  pointsSchema,
  userIdSchema,
} from '../../events/ids.js';
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

export const chargeReply = named(
  'Charge',
  z.strictObject({
    chargeId: chargeIdSchema,
    userId: userIdSchema,
    amount: pointsSchema,
    status: z.enum(['pending', 'approved', 'credited', 'declined']),
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
