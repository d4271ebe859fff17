import { z } from 'zod';
import { type FeedOptions, feedFormats, feedOptionsSchema } from '../../integrations/feeds/feed.js';

const number = z
  .string()
  .regex(/^-?\d{1,10}(?:\.\d{1,6})?$/, 'must be a number')
  .transform(Number);
/** Structured options travel as JSON in the query. */
const json = z
  .string()
  .max(20_000)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' });
      return z.NEVER;
    }
  });
const options = feedOptionsSchema.shape;

/** The feed's format and options as query parameters. `only` may be repeated; `prices` and `sales` are JSON. */
export const importQuery = z
  .strictObject({
    format: z.enum([...feedFormats, 'auto']).default('auto'),
    dedupe: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .optional(),
    only: z
      .union([z.string(), z.array(z.string())])
      .transform((ids) => [ids].flat())
      .pipe(options.only.unwrap())
      .optional(),
    venueId: options.venueId,
    prices: json.pipe(options.prices.unwrap()).optional(),
    pointsPerUnit: number.pipe(options.pointsPerUnit.unwrap()).optional(),
    sales: json.pipe(options.sales.unwrap()).optional(),
    source: options.source,
    venueName: options.venueName,
    shiftDays: number.pipe(options.shiftDays.unwrap()).optional(),
  })
  .transform(({ format, ...rest }): { format: typeof format; options: FeedOptions } => ({
    format,
    options: rest,
  }));
