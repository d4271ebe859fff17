import { z } from 'zod';

/** What one board in memory says, beside the tables. */
export const boardComparisonReply = z.object({
  kind: z.enum(['seats', 'queue', 'tokens']),
  /** Of the date or the performance; tokens are compared together. */
  id: z.string(),
  /** `different`: it said the same wrong thing in every look. `in-motion`: memory and tables never stood still together. */
  outcome: z.enum(['same', 'different', 'in-motion']),
  /** At most ten, each in words. */
  differences: z.array(z.string()),
});
export type BoardComparison = z.infer<typeof boardComparisonReply>;

export const boardComparisonsReply = z.object({ items: z.array(boardComparisonReply) });
