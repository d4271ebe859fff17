import { z } from 'zod';
import type { SeatStatus } from '../../queries/replies.js';
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

export const seatStatuses = [
  'free',
  'held',
  'reserved',
  'not-for-sale',
] as const satisfies readonly SeatStatus[];
export const seatMapQuery = z.strictObject({
  section: z.string().min(1).max(64).optional(),
  status: z.enum(seatStatuses).optional(),
});
