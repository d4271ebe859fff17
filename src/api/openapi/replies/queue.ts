import { z } from 'zod';
import { instantSchema, performanceIdSchema, tokenIdSchema } from '../../../events/ids.js';
import type { QueueReply, QueueTokenReply } from '../../../queries/replies.js';
import { documented, positionSchema, sample } from '../documented.js';

const count = z.number().int().min(0);

const statusSchema = z.strictObject({
  tokenId: tokenIdSchema,
  performanceId: performanceIdSchema,
  number: count.nullable().describe('The queue number.'),
  place: count.nullable().describe('The place in line; null until the queue opens and is shuffled.'),
  status: z.enum(['waiting', 'admitted', 'entered', 'completed', 'expired', 'left']),
  opened: z.boolean(),
  opensAt: instantSchema.nullable(),
  ahead: count.describe('Fans before you; 0 when admitted.'),
  estimatedWaitSeconds: z.number().min(0).nullable(),
  enterBefore: instantSchema.nullable().describe('Enter before this, or lose the place.'),
  expiresAt: instantSchema.nullable().describe('The end of your time inside.'),
  numberOfTickets: z.number().int().min(1),
}) satisfies z.ZodType<QueueTokenReply>;
const waiting = {
  tokenId: sample.tokenId,
  performanceId: sample.performanceId,
  number: 1042,
  place: 1042,
  status: 'waiting' as const,
  opened: true,
  opensAt: null,
  ahead: 37,
  estimatedWaitSeconds: 2,
  enterBefore: null,
  expiresAt: null,
  numberOfTickets: 2,
};
const token = {
  queueToken: z.string().describe('Send it as X-Queue-Token. It works only together with your log-in.'),
  queueTokenExpiresAt: instantSchema.describe('Refresh the token before this; the place stays.'),
};
const tokenExample = {
  queueToken: 'eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOiJlMWI1In0.c2lnbmF0dXJl',
  queueTokenExpiresAt: '2026-11-22T11:00:00.000Z',
};

export const queueStatus = documented('QueueStatus', statusSchema, waiting);

export const issuedQueueToken = documented(
  'IssuedQueueToken',
  statusSchema.extend({ ...token, position: positionSchema }),
  { ...waiting, ...tokenExample, position: 4711 },
);

export const refreshedQueueToken = documented('RefreshedQueueToken', statusSchema.extend(token), {
  ...waiting,
  ...tokenExample,
});

export const enteredService = documented(
  'EnteredService',
  statusSchema.extend({ position: positionSchema }),
  {
    ...waiting,
    status: 'entered',
    ahead: 0,
    estimatedWaitSeconds: null,
    expiresAt: '2026-11-22T09:15:00.000Z',
    position: 4720,
  },
);

export const queue = documented(
  'Queue',
  z.strictObject({
    performanceId: performanceIdSchema,
    opened: z.boolean(),
    opensAt: instantSchema.nullable(),
    size: count.describe('Fans waiting.'),
    capacity: count,
    isEmpty: z.boolean(),
    isFull: z.boolean(),
    active: count.describe('Fans admitted or inside.'),
    maxActive: count,
    admittedUpTo: count.describe('Places below this one were admitted.'),
    issued: count.describe('Numbers given so far.'),
    head: z.strictObject({ number: count }).nullable().describe('Who is next.'),
  }) satisfies z.ZodType<QueueReply>,
  {
    performanceId: sample.performanceId,
    opened: true,
    opensAt: null,
    size: 37,
    capacity: 10000,
    isEmpty: false,
    isFull: false,
    active: 100,
    maxActive: 100,
    admittedUpTo: 1005,
    issued: 1043,
    head: { number: 1005 },
  },
);

export const positionOnly = documented('Receipt', z.strictObject({ position: positionSchema }), {
  position: 4711,
});
