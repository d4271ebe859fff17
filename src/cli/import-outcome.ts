import { z } from 'zod';
import { textTable } from './text-table.js';

const problemSchema = z.object({
  record: z.string(),
  field: z.string().optional(),
  reason: z.string(),
  effect: z.enum(['skipped', 'changed', 'refused']),
});
const problemsSchema = { problems: z.array(problemSchema), moreProblems: z.number().int() };

/** What the server answers to an import. */
export const importReplySchema = z.object({
  format: z.string(),
  records: z.array(
    z.object({
      kind: z.enum(['venue', 'performance', 'schedule']),
      externalId: z.string(),
      id: z.string(),
      name: z.string(),
      outcome: z.enum(['published', 'revised', 'unchanged', 'skipped']),
      reason: z.string().optional(),
    }),
  ),
  keptSeats: z.array(z.object({ venueId: z.string(), seatId: z.string(), scheduleId: z.string() })),
  ...problemsSchema,
  position: z.number().nullable(),
});

/** The problem document of a feed of which nothing can be imported. */
export const refusedReplySchema = z.object({
  code: z.literal('feed-refused'),
  detail: z.string(),
  ...problemsSchema,
});

/** How an import ended and where it was done. */
export type ImportOutcome = { readonly via: string } & (
  | ({ readonly kind: 'imported' } & z.infer<typeof importReplySchema>)
  | ({ readonly kind: 'refused' } & Pick<z.infer<typeof refusedReplySchema>, 'problems' | 'moreProblems'>)
);

/** Rows of a table or a list before the rest is only counted. */
const maxRows = 200;

/** Whether anything was refused as a whole: the feed, or a venue in it. */
export function isRefused(outcome: ImportOutcome): boolean {
  return outcome.kind === 'refused' || outcome.problems.some((problem) => problem.effect === 'refused');
}

/** The outcome for people to read. */
export function describeOutcome(outcome: ImportOutcome): string {
  const parts: string[] = [];
  if (outcome.kind === 'refused') {
    parts.push('Nothing of this feed can be imported.\n');
  } else {
    const { records, format, keptSeats } = outcome;
    const rows = records.slice(0, maxRows).map(({ kind, outcome: result, externalId, name, id, reason }) => {
      return [kind, result, externalId, reason === undefined ? name : `${name}: ${reason}`, id];
    });
    parts.push(textTable(['WHAT', 'OUTCOME', 'THEIR ID', 'NAME', 'ID'], rows));
    if (records.length > maxRows) parts.push(`… and ${records.length - maxRows} more records\n`);
    parts.push(`\n${tally(records.map((record) => record.outcome))} (${format} feed, by ${outcome.via})\n`);
    if (keptSeats.length > 0) {
      parts.push(
        `${keptSeats.length} seats that somebody holds or bought stay in the plan, though the feed dropped them\n`,
      );
    }
  }
  const { problems, moreProblems } = outcome;
  if (problems.length > 0) parts.push('\nProblems\n');
  for (const { record, field, reason, effect } of problems.slice(0, maxRows)) {
    parts.push(`  ${effect}: ${record}${field === undefined ? '' : `, ${field}`}: ${reason}\n`);
  }
  const unlisted = moreProblems + Math.max(0, problems.length - maxRows);
  if (unlisted > 0) parts.push(`  … and ${unlisted} more\n`);
  return parts.join('');
}

function tally(outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'no records';
}
