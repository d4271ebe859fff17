import { z } from 'zod';
import type { AsOf, Moment, Then } from '../analysis/history/port.js';
import type { Position } from '../event-store/port.js';
import { toInstant } from '../events/ids.js';
import type { PageRequest } from '../queries/replies.js';
import { ApiProblem } from './problems/problem.js';
import type { ProblemCode } from './problems/problem-kinds.js';

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

const time = z.iso.datetime({ offset: true });
const position = /^\d{1,15}$/;

/** A moment of the past as a query parameter names it: a time with its zone, or a log position. */
const moment = z
  .string()
  .max(40)
  .transform((text, context): Moment => {
    // A position the client was given comes back as text.
    if (position.test(text)) return { kind: 'position', position: Number(text) as Position };
    if (time.safeParse(text).success) return { kind: 'time', at: toInstant(Date.parse(text)) };
    const message = 'must be a time such as 2026-11-22T09:00:00Z, or a log position: a whole number';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** The query parameter of everything that can be seen as it was. */
export const momentField = { at: moment.optional().describe('Show what was known then.') };
export const momentQuery = z.strictObject(momentField);
export type MomentQuery = z.infer<typeof momentQuery>;

/**
 * The reply about a moment.
 * @param code what is answered when there is nothing. @param what as in "There is no …": "such order".
 * @throws {ApiProblem} of that code
 */
export function knownThen<Reply>(then: Then<Reply>, code: ProblemCode, what: string): Reply & AsOf {
  switch (then.kind) {
    case 'known':
      return then.reply;
    case 'unknown':
      throw new ApiProblem(code, `There is no ${what}.`);
    case 'not-yet': {
      const { since } = then;
      const detail = `There was no ${what} then: ask for ${since} or later.`;
      throw new ApiProblem(code, detail, { facts: { since } });
    }
  }
}
