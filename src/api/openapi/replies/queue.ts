import { z } from 'zod';
import { instantSchema, performanceIdSchema, tokenIdSchema } from '../../../events/ids.js';
import type {
  QueueFairnessReply,
  QueueNumberReply,
  QueueReply,
  QueueTokenReply,
} from '../../../queries/replies.js';
import { documented, positionSchema, sample } from '../operation.js';
import { asOfField } from './as-of.js';

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

export const queueStatus = documented('QueueStatus', statusSchema.extend(asOfField), waiting);

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
    ...asOfField,
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

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const queueFairness = documented(
  'QueueFairness',
  z.strictObject({
    performanceId: performanceIdSchema,
    algorithm: z.string().describe('The shuffle, by name.'),
    seedHash: sha256.describe('SHA-256 of the seed’s bytes; published before anyone could join.'),
    opened: z.boolean(),
    openedAt: instantSchema.nullable(),
    seed: sha256.nullable().describe('Revealed at the opening.'),
    shuffledCount: count
      .nullable()
      .describe('Numbers below it joined before the opening: they are shuffled.'),
    issued: count.describe('Numbers given so far.'),
    admittedUpTo: count.describe('Places below this one were admitted.'),
  }) satisfies z.ZodType<QueueFairnessReply>,
  {
    performanceId: sample.performanceId,
    algorithm: 'fisher-yates-sha256-v1',
    seedHash: '9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885',
    opened: true,
    openedAt: '2026-11-22T11:00:00.000Z',
    seed: 'ab'.repeat(32),
    shuffledCount: 5,
    issued: 7,
    admittedUpTo: 4,
  },
);

export const queueNumber = documented(
  'QueueNumber',
  z.strictObject({
    number: count,
    tokenId: tokenIdSchema,
    place: count.nullable().describe('Null until the queue opens.'),
    state: z
      .enum(['waiting', 'admitted', 'left'])
      .describe('`left`: the turn ended before it came; `admitted`: it came, whatever followed.'),
    admittedAt: instantSchema.nullable(),
  }) satisfies z.ZodType<QueueNumberReply>,
  { number: 0, tokenId: sample.tokenId, place: 4, state: 'waiting', admittedAt: null },
);

export const positionOnly = documented('Receipt', z.strictObject({ position: positionSchema }), {
  position: 4711,
});
