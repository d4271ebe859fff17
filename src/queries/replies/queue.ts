/** What the queries of queues and places in them answer. */
import { z } from 'zod';
import { instantSchema, performanceIdSchema, tokenIdSchema } from '../../events/ids.js';
import { asOfField, count, named, type Reply, sample } from './reply.js';

export const tokenStatus = z.enum(['waiting', 'admitted', 'entered', 'completed', 'expired', 'left']);
export type TokenStatus = z.infer<typeof tokenStatus>;

/** How the sale stands: what a fan who waits may hope for. */
export const saleStatus = z.enum(['on-sale', 'all-held', 'sold-out', 'ended']);
export type SaleStatus = z.infer<typeof saleStatus>;

const saleFields = {
  sale: saleStatus
    .nullable()
    .describe(
      '`on-sale`: seats are free. `all-held`: every seat is held or sold; keep waiting, held seats may come back. ' +
        '`sold-out`: every seat is sold and nobody new may join; who waits keeps the place, and seats that are given ' +
        'back go to those who wait. `ended`: nobody is let in any more. Null in an answer about the past.',
    ),
  saleEndsAt: instantSchema
    .nullable()
    .describe('When the last date begins, or the organiser ends the sale; null while neither is known.'),
};

/** A fan's place, as every reply about it shows it. */
export const placeFields = {
  tokenId: tokenIdSchema,
  performanceId: performanceIdSchema,
  number: count.nullable().describe('The queue number; null only between asking for it and getting it.'),
  place: count.nullable().describe('The place in line; null until the queue opens and is shuffled.'),
  status: tokenStatus,
  opened: z.boolean(),
  opensAt: instantSchema.nullable(),
  ahead: count.describe('Fans before you; 0 when admitted.'),
  estimatedWaitSeconds: z
    .number()
    .min(0)
    .nullable()
    .describe('Null when it cannot be told, as while no seat is free.'),
  seatsMayRunOut: z
    .boolean()
    .nullable()
    .describe(
      'While waiting: fewer seats are free than fans are in the line up to you, so they may be sold before your turn. Null in an answer about the past.',
    ),
  ...saleFields,
  enterBefore: instantSchema.nullable().describe('Enter before this, or lose the place.'),
  expiresAt: instantSchema.nullable().describe('The end of your time inside.'),
  numberOfTickets: z.number().int().min(1),
};
export const placeExample = {
  tokenId: sample.tokenId,
  performanceId: sample.performanceId,
  number: 1042,
  place: 1042,
  status: 'waiting' as const,
  opened: true,
  opensAt: null,
  ahead: 37,
  estimatedWaitSeconds: 2,
  seatsMayRunOut: false,
  sale: 'on-sale' as const,
  saleEndsAt: '2026-12-24T10:00:00.000Z',
  enterBefore: null,
  expiresAt: null,
  numberOfTickets: 2,
};

export const queueTokenReply = named(
  'QueueStatus',
  z.strictObject({ ...placeFields, ...asOfField }),
  placeExample,
);
export type QueueTokenReply = Reply<typeof queueTokenReply>;

export const queueReply = named(
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
    issued: count.describe('Numbers given so far; the next fan gets this one.'),
    head: z.strictObject({ number: count }).nullable().describe('Who is next.'),
    ...saleFields,
    freeSeats: count.nullable().describe('Free seats of all dates to come; null when unknown.'),
    ...asOfField,
  }),
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
    sale: 'on-sale',
    saleEndsAt: '2026-12-24T10:00:00.000Z',
    freeSeats: 4210,
  },
);
export type QueueReply = Reply<typeof queueReply>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What anyone needs to recompute the places of a queue. */
export const queueFairnessReply = named(
  'QueueFairness',
  z.strictObject({
    performanceId: performanceIdSchema,
    algorithm: z.string().describe('The shuffle, by name.'),
    seedHash: sha256.describe('SHA-256 of the seed’s bytes; published before anyone could join.'),
    opened: z.boolean(),
    openedAt: instantSchema.nullable(),
    seed: sha256.nullable().describe('Revealed at the opening; null before.'),
    shuffledCount: count
      .nullable()
      .describe('Numbers below it joined before the opening and are shuffled; null until the queue opens.'),
    issued: count.describe('Numbers given so far.'),
    admittedUpTo: count.describe('Places below this one were admitted.'),
  }),
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
export type QueueFairnessReply = Reply<typeof queueFairnessReply>;

/** One number of a queue and how far its fan came. */
export const queueNumberReply = named(
  'QueueNumber',
  z.strictObject({
    number: count,
    tokenId: tokenIdSchema,
    place: count.nullable().describe('Null until the queue opens.'),
    state: z
      .enum(['waiting', 'admitted', 'left'])
      .describe(
        '`left`: the fan left before being admitted; `admitted`: the fan was admitted, and may have left since.',
      ),
    admittedAt: instantSchema.nullable(),
  }),
  { number: 0, tokenId: sample.tokenId, place: 4, state: 'waiting', admittedAt: null },
);
export type QueueNumberReply = Reply<typeof queueNumberReply>;
