import { z } from 'zod';
import { holdIdSchema, instantSchema, performanceIdSchema, tokenIdSchema } from '../../events/ids.js';
import { type Deadline, nameOf } from '../timers.js';

const due = { dueAt: instantSchema };
const deadlineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hold'), tokenId: tokenIdSchema, holdId: holdIdSchema, ...due }),
  z.object({
    kind: z.literal('token'),
    tokenId: tokenIdSchema,
    status: z.enum(['admitted', 'entered']),
    ...due,
  }),
  z.object({ kind: z.literal('claims'), performanceId: performanceIdSchema, from: z.number().int(), ...due }),
]);

/**
 * One id for one deadline, whoever schedules it. The time is part of it, since a job keeps the delay it was
 * added with: a later deadline of the same token is another job.
 */
export function jobIdOf(deadline: Deadline): string {
  return `${nameOf(deadline)}-${Date.parse(deadline.dueAt)}`;
}

/** The deadline that a job carries. @throws {z.ZodError} when it carries something else. */
export function deadlineOf(data: unknown): Deadline {
  return deadlineSchema.parse(data);
}
