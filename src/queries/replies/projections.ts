/** Replies to operators about projections and their rebuilds. */
import { z } from 'zod';
import { instantSchema } from '../../events/ids.js';
import { count, named, type Reply, sample } from './reply.js';

const position = z.number().int().min(-1);
const eventReference = z
  .strictObject({
    type: z.string(),
    stream: z.string(),
    revision: count,
    position: z.number().int(),
  })
  .meta({ id: 'EventReference' });

const projectionReport = z
  .strictObject({
    name: z.string(),
    state: z
      .enum(['running', 'paused', 'parked', 'outdated', 'swapping'])
      .describe(
        '`outdated`: another version built its tables, rebuild it. `swapping`: a rebuild takes its place now.',
      ),
    version: z.number().int().describe('Of this build.'),
    tablesVersion: z.number().int().describe('That built the tables.'),
    position: position.describe('-1 before the first event.'),
    lagPositions: count.describe('Events in the embedded log, bytes in EventStoreDB.'),
    lagSeconds: z.number().min(0).describe('Age of the oldest event it has not seen; 0 when none.'),
    pausedAt: instantSchema.nullable(),
    parked: z
      .strictObject({
        error: z.string(),
        event: eventReference
          .nullable()
          .describe('Null when the rows of several events were refused together.'),
      })
      .nullable(),
  })
  .meta({ id: 'ProjectionStatus' });
export type ProjectionReport = Reply<typeof projectionReport>;

export const projectionsReply = named(
  'ProjectionsReport',
  z.strictObject({
    headPosition: position.describe('The log’s newest position; -1 in an empty log.'),
    projections: z.array(projectionReport),
  }),
  {
    headPosition: 4711,
    projections: [
      {
        name: 'orders',
        state: 'parked',
        version: 1,
        tablesVersion: 1,
        position: 4705,
        lagPositions: 6,
        lagSeconds: 12.5,
        pausedAt: null,
        parked: {
          error: 'projection orders cannot apply OrderPaid at position 4706: the order is not there',
          event: { type: 'OrderPaid', stream: 'order-a3d7e8f9', revision: 1, position: 4706 },
        },
      },
    ],
  },
);
export type ProjectionsReport = Reply<typeof projectionsReply>;

const cell = z.union([z.string(), z.number(), z.null()]);

const rebuildProgress = z
  .strictObject({
    phase: z.enum(['folding', 'comparing', 'explaining', 'swapping', 'waiting', 'cleaning']),
    position: position.describe('Where the new tables are in the log; -1 before the first event.'),
    target: position.describe('The position they must reach.'),
    events: count.describe('Read by this run; a resumed one needs fewer.'),
    eventsPerSecond: z.number().min(0),
    secondsLeft: z.number().min(0).nullable().describe('Until the log is read.'),
    differenceCount: count.nullable().describe('Null before the comparison.'),
  })
  .meta({ id: 'RebuildProgress' });
export type RebuildProgress = Reply<typeof rebuildProgress>;

const rebuildReport = z
  .strictObject({
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
          event: eventReference.nullable().describe('That last wrote or deleted the row.'),
          cells: z.array(
            z.strictObject({
              column: z.string(),
              expected: cell,
              found: cell,
              event: eventReference.nullable().describe('That decided the expected value.'),
            }),
          ),
        }),
      )
      .describe('The first 50 of each table.'),
    events: count,
    elapsedMs: count,
  })
  .meta({ id: 'RebuildReport' });
export type RebuildReport = Reply<typeof rebuildReport>;

const paid = { type: 'PointsSpent', stream: `wallet-${sample.userId}`, revision: 2, position: 4706 };

export const projectionRebuildReply = named(
  'ProjectionRebuild',
  z.strictObject({
    rebuildId: z.uuid(),
    status: z
      .enum(['requested', 'running', 'cancelling', 'completed', 'cancelled', 'failed'])
      .describe(
        '`requested`: no process has begun it yet. `failed` and `cancelled` leave what was built for the next one, but for tables with names of people.',
      ),
    projections: z.array(z.string()),
    compareOnly: z.boolean(),
    restart: z.boolean(),
    progress: rebuildProgress.nullable(),
    report: rebuildReport.nullable().describe('Of a completed one.'),
    error: z.string().nullable().describe('Why it ended before it was done.'),
    requestedAt: instantSchema,
    updatedAt: instantSchema.describe('When it last reported.'),
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
export type ProjectionRebuild = Reply<typeof projectionRebuildReply>;
