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

/** What the live stream of a place tells everybody in a queue: enough to compute one's own place with {@link placeIn}. */
export const liveQueue = named(
  'LiveQueue',
  z.strictObject({
    performanceId: performanceIdSchema,
    opened: z.boolean(),
    opensAt: instantSchema.nullable(),
    waiting: count.describe('Fans waiting.'),
    active: count.describe('Fans admitted or inside.'),
    admittedUpTo: count.describe('Places below this one were admitted.'),
    issued: count.describe('Numbers given so far.'),
    maxActive: count.nullable().describe('Fans who may be admitted or inside at the same time.'),
    admitPerSecond: z.number().positive().nullable().describe('The pace.'),
    serviceWindowMs: count.nullable().describe('How long a fan may stay inside, milliseconds.'),
    ...saleFields,
    freeSeats: count.nullable().describe('Free seats of all dates to come; null when unknown.'),
  }),
  {
    performanceId: sample.performanceId,
    opened: true,
    opensAt: null,
    waiting: 37,
    active: 100,
    admittedUpTo: 1005,
    issued: 1043,
    maxActive: 100,
    admitPerSecond: 20,
    serviceWindowMs: 600_000,
    sale: 'on-sale',
    saleEndsAt: '2026-12-24T10:00:00.000Z',
    freeSeats: 4210,
  },
);
export type LiveQueue = Reply<typeof liveQueue>;

/**
 * A fan's place, given the last `position` message of the live stream and the last `queue` message: what the server
 * would answer now. docs/fair-queue.md has the formulas for other languages.
 * @param nowMs the present, milliseconds since 1970.
 */
export function placeIn(own: QueueTokenReply, queue: LiveQueue, nowMs: number): QueueTokenReply {
  const status = statusAt(own, nowMs);
  const ahead = status === 'waiting' ? fansAhead(own, queue) : 0;
  const isWaiting = status === 'waiting';
  const { opened, opensAt, sale, saleEndsAt, freeSeats } = queue;
  return {
    ...own,
    status,
    opened,
    opensAt,
    ahead,
    estimatedWaitSeconds: isWaiting && sale === 'on-sale' ? estimatedWaitSeconds(ahead, queue, nowMs) : null,
    seatsMayRunOut: isWaiting && freeSeats !== null && freeSeats <= ahead,
    sale,
    saleEndsAt,
    enterBefore: status === 'admitted' ? own.enterBefore : null,
  };
}

/** A deadline that has passed ended the turn, whether or not the server has said so yet. */
function statusAt({ status, enterBefore, expiresAt }: QueueTokenReply, nowMs: number): TokenStatus {
  const deadline = status === 'admitted' ? enterBefore : status === 'entered' ? expiresAt : null;
  return deadline !== null && Date.parse(deadline) <= nowMs ? 'expired' : status;
}

/**
 * Fans before a waiting one. Those who left count until their place is passed, but never more than wait.
 * Before the opening places are not drawn yet: it is then the number of fans who joined earlier.
 */
function fansAhead({ number, place }: QueueTokenReply, queue: LiveQueue): number {
  const others = Math.max(0, queue.waiting - (number === null ? 0 : 1));
  const before = place === null ? (number ?? queue.issued) : place - queue.admittedUpTo;
  return Math.min(Math.max(0, before), others);
}

/**
 * Seconds until a fan with `ahead` others before is admitted, if everyone inside stays as long as allowed:
 * first the free room fills at `admitPerSecond`; then each fan inside makes room once per service window.
 * Before the opening the time until `opensAt` is added; null when that is unknown.
 */
function estimatedWaitSeconds(ahead: number, queue: LiveQueue, nowMs: number): number | null {
  const { opened, opensAt, active, admitPerSecond: perSecond, maxActive, serviceWindowMs: windowMs } = queue;
  if (perSecond === null || maxActive === null || windowMs === null) return null;
  if (!opened && opensAt === null) return null;
  const untilOpening = opened || opensAt === null ? 0 : Math.max(0, Date.parse(opensAt) - nowMs) / 1000;
  const room = Math.max(0, maxActive - active);
  const turnoverPerSecond = Math.min(perSecond, maxActive / (windowMs / 1000));
  const filling = Math.min(ahead + 1, room) / perSecond;
  const turningOver = Math.max(0, ahead + 1 - room) / turnoverPerSecond;
  return Math.ceil(untilOpening + filling + turningOver);
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The round of a public randomness beacon that is mixed into the draw of a queue (domain/beacon.ts). */
export const namedRoundSchema = z
  .strictObject({ chain: z.literal('drand-quicknet'), round: z.number().int().min(1) })
  .meta({ id: 'BeaconRound' });

/** @param round null: none was named. */
export function namedRound(round: number | null): z.infer<typeof namedRoundSchema> | null {
  return round === null ? null : { chain: 'drand-quicknet', round };
}

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
      .describe(
        'Numbers below it joined before the opening and are shuffled; null until the queue opens, or its draw is closed.',
      ),
    tokensDigest: sha256
      .nullable()
      .describe(
        'Digest of the tokens of these numbers, mixed into the seed; null before, and in queues of version 1.',
      ),
    beacon: namedRoundSchema
      .nullable()
      .describe(
        'The round of the public beacon that is mixed in: as named, then as the draw uses it; null: none.',
      ),
    beaconSignature: z
      .string()
      .regex(/^[0-9a-f]{96}$/)
      .nullable()
      .describe('The signature of that round; null until the queue opens.'),
    issued: count.describe('Numbers given so far.'),
    admittedUpTo: count.describe('Places below this one were admitted.'),
  }),
  {
    performanceId: sample.performanceId,
    algorithm: 'fisher-yates-sha256-v2',
    seedHash: '9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885',
    opened: true,
    openedAt: '2026-11-22T11:00:00.000Z',
    seed: 'ab'.repeat(32),
    shuffledCount: 5,
    tokensDigest: '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    beacon: null,
    beaconSignature: null,
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
