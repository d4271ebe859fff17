import { z } from 'zod';
import { type CheckCode, checks } from '../../../analysis/audit/checks.js';
import { instantSchema, pointsSchema } from '../../../events/ids.js';
import { documented } from '../operation.js';

const count = z.number().int().min(0);
const eventRef = z.strictObject({ stream: z.string(), revision: count, position: count });
const unfinished = z.strictObject({
  count,
  first: z.array(z.strictObject({ stream: z.string(), at: instantSchema })),
});
// The keys of `checks` are its codes.
const checkCode = z.enum(Object.keys(checks) as [CheckCode, ...CheckCode[]]);

export const auditReport = documented(
  'AuditReport',
  z.strictObject({
    clean: z.boolean(),
    events: count.describe('Events read.'),
    lastPosition: count.nullable(),
    judgedAt: instantSchema.describe('The moment that deadlines were judged at.'),
    checks: z.array(
      z.strictObject({
        code: checkCode,
        invariant: z.string(),
        meaning: z.string().describe('What holds when nothing is found.'),
        examined: count.describe('Facts looked at.'),
        findings: count,
      }),
    ),
    findingCount: count,
    findings: z
      .array(z.strictObject({ code: checkCode, message: z.string(), events: z.array(eventRef) }))
      .describe('The first 1,000.'),
    points: z.strictObject({
      charged: pointsSchema,
      spent: pointsSchema,
      refunded: pointsSchema,
      balance: pointsSchema,
    }),
    seatsReserved: count,
    ordersPaid: count,
    liveHolds: unfinished,
    openOrders: unfinished,
  }),
  {
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
  },
);
