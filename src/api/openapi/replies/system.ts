import { z } from 'zod';
import { scheduleIdSchema, seatIdSchema, venueIdSchema } from '../../../events/ids.js';
import { feedFormats, maxFeedBytes } from '../../../integrations/feeds/feed.js';
import { documented, positionSchema, sample } from '../operation.js';

export const importReport = documented(
  'ImportReport',
  z.strictObject({
    format: z.enum(feedFormats),
    records: z.array(
      z.strictObject({
        kind: z.enum(['venue', 'performance', 'schedule']),
        externalId: z.string(),
        id: z.string(),
        name: z.string(),
        outcome: z.enum(['published', 'revised', 'unchanged', 'skipped']),
        reason: z.string().optional(),
      }),
    ),
    keptSeats: z
      .array(z.strictObject({ venueId: venueIdSchema, seatId: seatIdSchema, scheduleId: scheduleIdSchema }))
      .describe('Seats the feed no longer has, but somebody holds or bought: they stay in the plan.'),
    problems: z.array(
      z.strictObject({
        record: z.string(),
        field: z.string().optional(),
        reason: z.string(),
        effect: z.enum(['skipped', 'changed', 'refused']),
      }),
    ),
    moreProblems: z.number().int().min(0).describe('Problems beyond those listed.'),
    position: positionSchema,
  }),
  {
    format: 'kopis',
    records: [
      {
        kind: 'performance',
        externalId: 'PF100001',
        id: sample.performanceId,
        name: '겨울밤의 현',
        outcome: 'published',
      },
    ],
    keptSeats: [],
    problems: [
      { record: 'PF100001', field: 'dtguidance', reason: 'public holidays are not known', effect: 'changed' },
    ],
    moreProblems: 0,
    position: 4711,
  },
);

export const importFormats = documented(
  'ImportFormats',
  z.strictObject({ formats: z.array(z.enum(feedFormats)), maxFeedBytes: z.number().int() }),
  { formats: [...feedFormats], maxFeedBytes },
);

export const liveness = documented('Liveness', z.strictObject({ live: z.literal(true) }), { live: true });

export const readiness = documented(
  'Readiness',
  z.strictObject({
    ready: z.boolean(),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  }),
  { ready: true, checks: [{ name: 'event-store', ok: true, detail: 'answers' }] },
);
