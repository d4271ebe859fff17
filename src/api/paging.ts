import { z } from 'zod';
import type { PageRequest } from '../queries/replies.js';

const limit = z
  .string()
  .regex(/^(?:[1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
  .transform(Number)
  .default(20);
const cursor = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\w.~=-]+$/, 'must be the nextCursor of an earlier page')
  .nullable()
  .default(null);

/** The query parameters of everything that is paged. */
export const pageFields = { limit, cursor };
export const pageQuery = z.strictObject(pageFields) satisfies z.ZodType<PageRequest>;
