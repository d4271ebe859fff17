import { z } from 'zod';
import { steps } from './tally.js';

const counts = z.record(z.string(), z.number());
/** What the crowd's process sends. Times of the summary are seconds since the opening. */
export const newsSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('progress'),
    joined: z.number(),
    entered: z.number(),
    sold: z.number(),
    toldSoldOut: z.number(),
  }),
  z.object({
    kind: z.literal('end'),
    joined: z.number(),
    joinsPerSecond: z.number(),
    entered: z.number(),
    sold: z.number(),
    toldSoldOut: z.number(),
    lost: z.number(),
    soldOutSeconds: z.number().nullable(),
    toldWithinP50Ms: z.number(),
    toldWithinP99Ms: z.number(),
    steps: z.array(
      z.object({
        step: z.enum(steps),
        count: z.number(),
        p50Ms: z.number(),
        p99Ms: z.number(),
        maxMs: z.number(),
      }),
    ),
    refusals: counts,
    errors: counts,
  }),
]);
export type News = z.infer<typeof newsSchema>;
export type Summary = Extract<News, { kind: 'end' }>;
