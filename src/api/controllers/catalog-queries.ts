import { z } from 'zod';
import type { SeatStatus } from '../../queries/replies.js';
import { momentField } from '../moment.js';
import { pageFields } from '../paging.js';

const date = z.iso.date();
/** `from` and `to` are local calendar dates; a performance or schedule matches when it overlaps them. */
const dates = { from: date.optional(), to: date.optional() };

export const performancesQuery = z.strictObject({
  search: z.string().trim().min(1).max(100).optional(),
  ...dates,
  ...pageFields,
});
export const schedulesQuery = z.strictObject({ ...dates, ...pageFields });

/** Token ids are small: a long queue is read in large pages. */
export const queueNumbersQuery = z.strictObject({
  ...pageFields,
  limit: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'must be a whole number from 1 to 1000')
    .transform(Number)
    .default(1000),
});

export const seatStatuses = [
  'free',
  'held',
  'reserved',
  'not-for-sale',
] as const satisfies readonly SeatStatus[];
export const seatMapQuery = z.strictObject({
  section: z.string().min(1).max(64).optional(),
  status: z.enum(seatStatuses).optional(),
  ...momentField,
});
