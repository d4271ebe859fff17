import { z } from 'zod';
import { instantSchema } from '../../../events/ids.js';
import { rebuildPhases, rebuildStatuses } from '../../projection-rebuilds.js';
import { documented, sample } from '../operation.js';

const count = z.number().int().min(0);
const position = z.number().int().min(-1);
const cell = z.union([z.string(), z.number(), z.null()]);
const eventPlace = z.strictObject({
  type: z.string(),
  stream: z.string(),
  revision: count,
  position,
});

const progress = z.strictObject({
  phase: z.enum(rebuildPhases),
  position: position.describe('Where the new tables are in the log; -1 before the first event.'),
  target: position.describe('Where they must come to.'),
  events: count.describe('Read by this run; a resumed one needs fewer.'),
  eventsPerSecond: z.number().min(0),
  secondsLeft: z.number().min(0).nullable().describe('Until the log is read.'),
  differenceCount: count.nullable().describe('Null before the comparison.'),
});

const report = z.strictObject({
  projections: z.array(
    z.strictObject({
      projection: z.string(),
      comparedAt: position
        .nullable()
        .describe('Where its tables were compared; null when they could not be.'),
      problem: z.string().nullable().describe('Why they were not compared.'),
      swappedAt: position.nullable().describe('Where the new tables were when they took their place.'),
    }),
  ),
  tables: z.array(
    z.strictObject({ table: z.string(), projection: z.string(), rows: count, differences: count }),
  ),
  differenceCount: count.describe('Rows of the live tables that were not what the log makes of them.'),
  differences: z
    .array(
      z.strictObject({
        table: z.string(),
        key: z.record(z.string(), cell),
        kind: z.enum(['missing', 'unexpected', 'different']),
        event: eventPlace.nullable().describe('That last wrote or deleted the row.'),
        cells: z.array(
          z.strictObject({
            column: z.string(),
            expected: cell,
            found: cell,
            event: eventPlace.nullable().describe('That decided the expected value.'),
          }),
        ),
      }),
    )
    .describe('The first 50 of each table.'),
  events: count,
  elapsedMs: count,
});

const paid = { type: 'PointsSpent', stream: `wallet-${sample.userId}`, revision: 2, position: 4706 };

export const projectionRebuild = documented(
  'ProjectionRebuild',
  z.strictObject({
    rebuildId: z.uuid(),
    status: z
      .enum(rebuildStatuses)
      .describe(
        '`requested`: no process has begun it yet. `failed` and `cancelled` leave what was built for the next one.',
      ),
    projections: z.array(z.string()),
    compareOnly: z.boolean(),
    restart: z.boolean(),
    progress: progress.nullable(),
    report: report.nullable().describe('Of a completed one.'),
    error: z.string().nullable().describe('Why it ended before it was done.'),
    requestedAt: instantSchema,
    updatedAt: instantSchema.describe('Of its last sign of life.'),
  }),
  {
    rebuildId: '5b1f0c7e-2d3a-4e4f-9a6b-7c8d9e0f1a2b',
    status: 'completed',
    projections: ['wallets'],
    compareOnly: false,
    restart: false,
    progress: {
      phase: 'cleaning',
      position: 4711,
      target: 4711,
      events: 4712,
      eventsPerSecond: 3100,
      secondsLeft: null,
      differenceCount: 1,
    },
    report: {
      projections: [{ projection: 'wallets', comparedAt: 4709, problem: null, swappedAt: 4711 }],
      tables: [{ table: 'points', projection: 'wallets', rows: 120, differences: 1 }],
      differenceCount: 1,
      differences: [
        {
          table: 'points',
          key: { user_id: sample.userId },
          kind: 'different',
          event: paid,
          cells: [{ column: 'remain_point', expected: 850, found: 1_000_000, event: paid }],
        },
      ],
      events: 4712,
      elapsedMs: 1520,
    },
    error: null,
    requestedAt: '2026-11-22T09:00:00.000Z',
    updatedAt: '2026-11-22T09:00:02.000Z',
  },
);
