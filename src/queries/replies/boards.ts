/** Replies to operators about what a process shows from memory. */
import { z } from 'zod';
import { named, type Reply } from './reply.js';

const boardComparison = z
  .strictObject({
    kind: z.enum(['seats', 'queue', 'tokens']),
    id: z.string().describe('Of the date or the performance; tokens are compared together.'),
    outcome: z
      .enum(['same', 'different', 'in-motion'])
      .describe(
        '`different`: memory differed from the tables in the same way in every look. `in-motion`: they never stood still together.',
      ),
    differences: z.array(z.string()).max(10),
  })
  .meta({ id: 'BoardComparison' });

/** What one board in memory says, beside the tables. */
export type BoardComparison = Reply<typeof boardComparison>;

export const boardComparisonsReply = named(
  'BoardComparisons',
  z.strictObject({ items: z.array(boardComparison) }),
  {
    items: [
      {
        kind: 'seats',
        id: '5272489d-4334-5c5c-a3d0-21c5f7af3c3b',
        outcome: 'different',
        differences: ['A-12: reserved, in the tables free'],
      },
    ],
  },
);
export type BoardComparisons = Reply<typeof boardComparisonsReply>;
