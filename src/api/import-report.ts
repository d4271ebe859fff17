import { z } from 'zod';
import type { ImportReport } from '../commands/catalog/import-catalog.js';
import { scheduleIdSchema, seatIdSchema, venueIdSchema } from '../events/ids.js';
import { type FeedResult, feedFormats, withProblems } from '../integrations/feeds/feed.js';
import { count, named, type Reply, sample } from '../queries/replies/reply.js';

/** What is said of an import: counts of what went in, and everything that did not or that differs, grouped by reason. */

const outcomes = ['published', 'revised', 'unchanged', 'skipped'] as const;
const effects = ['skipped', 'changed', 'refused'] as const;

const countsSchema = z
  .strictObject({ published: count, revised: count, unchanged: count, skipped: count })
  .meta({ id: 'ImportCounts' });

const problemFields = {
  field: z.string().optional(),
  reason: z.string(),
  effect: z
    .enum(effects)
    .describe(
      'skipped: the record is left out; changed: a value of it differs from the feed or is left out; refused: the feed or its venue is not imported.',
    ),
};

export const problemsFields = {
  problems: z.array(
    z.strictObject({
      record: z.string(),
      ...problemFields,
      about: z.string().optional().describe('External id of the venue or performance concerned.'),
    }),
  ),
  moreProblems: count.describe('Problems beyond those listed.'),
  groups: z
    .array(
      z.strictObject({
        ...problemFields,
        count,
        records: z.array(z.string()).describe('The first records concerned.'),
      }),
    )
    .describe('All problems, those of one cause as one entry, the most frequent first.'),
};

/** The counts of an example, before any record. */
const none = { published: 0, revised: 0, unchanged: 0, skipped: 0 };

export const importReply = named(
  'ImportReport',
  z.strictObject({
    format: z.enum(feedFormats),
    summary: z.strictObject({
      venues: countsSchema,
      performances: countsSchema,
      dates: countsSchema,
      cancelledDates: count.describe('Dates that the feed states as cancelled.'),
      seats: count.describe('Seats in the plans of the venues.'),
    }),
    records: z.array(
      z.strictObject({
        kind: z.enum(['venue', 'performance', 'schedule']),
        externalId: z.string(),
        id: z.string(),
        name: z.string(),
        outcome: z.enum(outcomes),
        seats: count.optional().describe('Seats of the venue’s plan.'),
        isCancelled: z.boolean().optional(),
        reason: z.string().optional(),
      }),
    ),
    keptSeats: z
      .array(z.strictObject({ venueId: venueIdSchema, seatId: seatIdSchema, scheduleId: scheduleIdSchema }))
      .describe('Seats that are missing from the feed, but held or sold: they stay in the plan.'),
    matchedSeats: z
      .array(
        z.strictObject({
          venueId: venueIdSchema,
          feedId: seatIdSchema.describe('The id in the feed.'),
          seatId: seatIdSchema.describe('The id that the seat keeps.'),
          sectionName: z.string(),
          row: z.string(),
          number: z.string(),
        }),
      )
      .describe(
        'Seats that have a new id in the feed at a known place: they keep their known ids. The first 1,000.',
      ),
    moreMatchedSeats: count.describe('Matched seats beyond those listed.'),
    ...problemsFields,
    position: z
      .number()
      .int()
      .nullable()
      .describe('Log position of the effect: send it as X-Wait-For-Position to read your own write.'),
  }),
  {
    format: 'kopis',
    summary: {
      venues: { ...none, published: 1 },
      performances: { ...none, published: 1 },
      dates: { ...none, published: 4 },
      cancelledDates: 0,
      seats: 208,
    },
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
    matchedSeats: [],
    moreMatchedSeats: 0,
    problems: [
      {
        record: 'performance "겨울밤의 현" (PF100001)',
        field: 'dtguidance',
        reason: '"HOL(14:00)" is for public holidays, which the feed does not date: left out',
        effect: 'changed',
        about: 'PF100001',
      },
    ],
    moreProblems: 0,
    groups: [
      {
        field: 'dtguidance',
        reason: '"HOL(14:00)" is for public holidays, which the feed does not date: left out',
        effect: 'changed',
        count: 1,
        records: ['performance "겨울밤의 현" (PF100001)'],
      },
    ],
    position: 4711,
  },
);
export type ImportReply = Reply<typeof importReply>;

function countsOf(records: ImportReport['records'], kind: string) {
  const counts = { published: 0, revised: 0, unchanged: 0, skipped: 0 };
  for (const record of records) if (record.kind === kind) counts[record.outcome] += 1;
  return counts;
}

const maxMatchedSeats = 1000;

/** The reply to an import: what the feed's parser and the import report, as one. */
export function importReplyOf(
  feed: Extract<FeedResult, { kind: 'parsed' }>,
  report: ImportReport,
): ImportReply {
  const { records, keptSeats, matchedSeats, position = null } = report;
  return {
    format: feed.format,
    summary: {
      venues: countsOf(records, 'venue'),
      performances: countsOf(records, 'performance'),
      dates: countsOf(records, 'schedule'),
      cancelledDates: records.filter(({ isCancelled }) => isCancelled).length,
      seats: records.reduce((sum, { seats = 0 }) => sum + seats, 0),
    },
    records,
    keptSeats,
    matchedSeats: matchedSeats.slice(0, maxMatchedSeats),
    moreMatchedSeats: Math.max(0, matchedSeats.length - maxMatchedSeats),
    ...withProblems(feed, report.problems),
    position,
  };
}
