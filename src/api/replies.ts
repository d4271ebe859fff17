/** Replies of the API's own, beside those of the queries: what commands, histories and operators' endpoints answer. */
import { z } from 'zod';
import { auditReportSchema, checks } from '../analysis/audit/checks.js';
import {
  chargeIdSchema,
  instantSchema,
  operatorKeyIdSchema,
  operatorNameSchema,
  pointsSchema,
  scheduleIdSchema,
  userIdSchema,
} from '../events/ids.js';
import { operatorRoleSchema } from '../events/operator-events.js';
import { feedFormats, maxFeedBytes } from '../integrations/feeds/feed.js';
import { chargeStatuses, personExample, personFields } from '../queries/replies/account.js';
import { holdExample, holdFields, orderExample, orderFields } from '../queries/replies/booking.js';
import { placeExample, placeFields } from '../queries/replies/queue.js';
import { named, nextCursor, type Reply, sample } from '../queries/replies/reply.js';

/** Field of every reply to a command that changed something. */
const positionField = {
  position: z
    .number()
    .int()
    .nullable()
    .describe('Log position of the effect: send it as X-Wait-For-Position to read your own write.'),
};

/** The reply to a command that returns nothing but its position. */
export const receiptReply = named('Receipt', z.strictObject(positionField), { position: 4711 });

/** What must be done before joining a queue. */
export const joinChallengeReply = named(
  'JoinChallenge',
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none').describe('Join: nothing is asked.') }),
    z.strictObject({
      kind: z.literal('proof-of-work'),
      challenge: z
        .string()
        .describe(
          'Find a text of at most 63 characters so that SHA-256 of challenge, colon and text begins with `bits` zero bits; send all three as X-Join-Proof.',
        ),
      bits: z.number().int().min(1),
      expiresAt: instantSchema.describe('Join before.'),
    }),
    z.strictObject({
      kind: z.literal('siteverify'),
      siteKey: z
        .string()
        .describe('Show the task of the service for this key and send its response as X-Join-Proof.'),
    }),
  ]),
  {
    kind: 'proof-of-work',
    challenge: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwYjhmIn0.c2lnbmF0dXJl',
    bits: 18,
    expiresAt: '2026-11-22T09:10:00.000Z',
  },
);
export type JoinChallengeReply = Reply<typeof joinChallengeReply>;

export const registeredUserReply = named(
  'RegisteredUser',
  z.strictObject({ ...personFields, ...positionField }),
  { ...personExample, position: 4711 },
);

export const erasedUserReply = named(
  'ErasedUser',
  z.strictObject({ userId: userIdSchema, ...positionField }),
  { userId: sample.userId, position: 4711 },
);

export const changedSchedulesReply = named(
  'ChangedSchedules',
  z.strictObject({ scheduleIds: z.array(scheduleIdSchema), ...positionField }),
  { scheduleIds: [sample.scheduleId], position: 4711 },
);

export const sessionReply = named(
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
export type SessionReply = Reply<typeof sessionReply>;

/** The reply to asking for points. */
export const chargeReceiptReply = named(
  'ChargeReceipt',
  z.strictObject({
    chargeId: chargeIdSchema,
    amount: pointsSchema,
    status: z
      .enum(['credited', 'pending', 'needs-attention'])
      .describe('needs-attention: an operator has to find out whether the money was taken.'),
    balance: pointsSchema.optional().describe('Points in the wallet now; only once credited.'),
    cause: z.string().optional().describe('Why it is pending.'),
    ...positionField,
  }),
  { chargeId: sample.chargeId, amount: 500000, status: 'credited', balance: 500000, position: 4523 },
);

/** The reply to an operator who settled a charge. */
export const settledChargeReply = named(
  'SettledCharge',
  z.strictObject({
    chargeId: chargeIdSchema,
    status: z
      .enum(chargeStatuses)
      .describe('credited or declined; needs-attention again when the wallet was closed meanwhile.'),
    ...positionField,
  }),
  { chargeId: sample.chargeId, status: 'credited', position: 4711 },
);

const tokenFields = {
  queueToken: z.string().describe('Send it as X-Queue-Token. It works only together with your log-in.'),
  queueTokenExpiresAt: instantSchema.describe('Refresh the token before this; the place stays.'),
};
const tokenExample = {
  queueToken: 'eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOiJlMWI1In0.c2lnbmF0dXJl',
  queueTokenExpiresAt: '2026-11-22T11:00:00.000Z',
};

export const issuedQueueTokenReply = named(
  'IssuedQueueToken',
  z.strictObject({ ...placeFields, ...tokenFields, ...positionField }),
  { ...placeExample, ...tokenExample, position: 4711 },
);

export const refreshedQueueTokenReply = named(
  'RefreshedQueueToken',
  z.strictObject({ ...placeFields, ...tokenFields }),
  { ...placeExample, ...tokenExample },
);

export const enteredServiceReply = named(
  'EnteredService',
  z.strictObject({ ...placeFields, ...positionField }),
  {
    ...placeExample,
    status: 'entered',
    ahead: 0,
    estimatedWaitSeconds: null,
    expiresAt: '2026-11-22T09:15:00.000Z',
    position: 4720,
  },
);

export const newHoldReply = named('NewHold', z.strictObject({ ...holdFields, ...positionField }), {
  ...holdExample,
  position: 4711,
});
export type NewHoldReply = Reply<typeof newHoldReply>;

export const changedOrderReply = named('ChangedOrder', z.strictObject({ ...orderFields, ...positionField }), {
  ...orderExample,
  position: 4730,
});

export const historyReply = named(
  'History',
  z.strictObject({
    summary: z.string().describe('How it ended, in the language asked for.'),
    items: z.array(
      z.strictObject({
        position: z.number().int(),
        stream: z.string(),
        revision: z.number().int(),
        at: instantSchema.describe('When it was decided.'),
        type: z.string().describe('The event.'),
        actor: z.enum(['user', 'admin', 'process', 'anonymous']).describe('Who caused it.'),
        who: z
          .union([z.enum(['you', 'another person']), userIdSchema])
          .nullable()
          .describe('Whom it concerns. Only operators are told who others are.'),
        explanation: z.string().describe('In the language asked for (Accept-Language: ko or en).'),
        links: z.array(z.strictObject({ rel: z.enum(['order', 'seat', 'queue-token']), href: z.string() })),
      }),
    ),
    nextCursor,
  }),
  {
    summary:
      'The seat is sold to another person. Your hold lapsed at 2026-11-22 09:05:00 UTC, before it was paid for, and another person held the seat at 2026-11-22 09:05:03 UTC.',
    items: [
      {
        position: 4711,
        stream: `seat-${sample.scheduleId}.A-1`,
        revision: 1,
        at: '2026-11-22T09:05:00.000Z',
        type: 'SeatHoldExpired',
        actor: 'process',
        who: 'you',
        explanation:
          'Your hold lapsed: the seat was not paid for before the deadline 2026-11-22 09:05:00 UTC.',
        links: [],
      },
    ],
    nextCursor: null,
  },
);
export type HistoryPage = Reply<typeof historyReply>;

export const auditReply = named('AuditReport', auditReportSchema, {
  clean: true,
  events: 4711,
  lastPosition: 4710,
  judgedAt: '2026-11-22T09:00:00.000Z',
  checks: [
    {
      code: 'seat-single-owner',
      invariant: 'seats',
      meaning: checks['seat-single-owner'][1],
      examined: 1200,
      findings: 0,
    },
  ],
  findingCount: 0,
  findings: [],
  points: { charged: 500_000, spent: 220_000, refunded: 20_000, balance: 300_000 },
  seatsReserved: 2,
  ordersPaid: 1,
  liveHolds: { count: 0, first: [] },
  openOrders: { count: 0, first: [] },
});

const operatorKeyFields = {
  keyId: operatorKeyIdSchema.describe('The part of the key after `boxoffice-`; it is no secret.'),
  operator: operatorNameSchema,
  role: operatorRoleSchema,
};
const operatorKeyExample = { keyId: '4f1c09ab27de', operator: 'mina', role: 'box-office' } as const;

export const operatorKeysReply = named(
  'OperatorKeys',
  z.strictObject({
    isEnvironmentKeyOpen: z
      .boolean()
      .describe('Whether the key of the environment is accepted: only until an owner’s key has been issued.'),
    keys: z.array(z.strictObject({ ...operatorKeyFields, issuedAt: instantSchema })),
    revokedKeys: z
      .array(
        z.strictObject({
          ...operatorKeyFields,
          issuedAt: instantSchema,
          revokedAt: instantSchema,
          reason: z.string(),
        }),
      )
      .describe('The last 100, newest first.'),
  }),
  {
    isEnvironmentKeyOpen: false,
    keys: [{ ...operatorKeyExample, issuedAt: '2026-11-22T09:00:00.000Z' }],
    revokedKeys: [
      {
        keyId: '0d5e7712c3aa',
        operator: 'jun',
        role: 'auditor',
        issuedAt: '2026-10-01T09:00:00.000Z',
        revokedAt: '2026-11-20T17:00:00.000Z',
        reason: 'The audit is over.',
      },
    ],
  },
);
export type OperatorKeysReply = Reply<typeof operatorKeysReply>;

export const issuedOperatorKeyReply = named(
  'IssuedOperatorKey',
  z.strictObject({
    ...operatorKeyFields,
    key: z.string().describe('Send it as bearer token. It is shown only here.'),
    ...positionField,
  }),
  {
    ...operatorKeyExample,
    key: 'boxoffice-4f1c09ab27de-Qm9vay1iYWNrIHJvdyBzZWF0cywgcGxlYXNlLiAgIQ0',
    position: 4711,
  },
);

export const revokedOperatorKeyReply = named(
  'RevokedOperatorKey',
  z.strictObject({ keyId: operatorKeyIdSchema, ...positionField }),
  { keyId: operatorKeyExample.keyId, position: 4712 },
);

export const ownOperatorKeyReply = named(
  'OwnOperatorKey',
  z.strictObject({
    ...operatorKeyFields,
    keyId: operatorKeyIdSchema.nullable().describe('Null for the key of the environment.'),
  }),
  operatorKeyExample,
);
export type OwnOperatorKeyReply = Reply<typeof ownOperatorKeyReply>;

export const feedFormatsReply = named(
  'ImportFormats',
  z.strictObject({ formats: z.array(z.enum(feedFormats)), maxFeedBytes: z.number().int() }),
  { formats: [...feedFormats], maxFeedBytes },
);

export const livenessReply = named('Liveness', z.strictObject({ live: z.literal(true) }), { live: true });

export const readinessReply = named(
  'Readiness',
  z.strictObject({
    ready: z.boolean(),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  }),
  { ready: true, checks: [{ name: 'event-store', ok: true, detail: 'answers' }] },
);
