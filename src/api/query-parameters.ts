/**
 * Query parameters that several endpoints take. Each ends with the schema of the value it is read as, which is what the
 * OpenAPI document shows.
 */
import { z } from 'zod';
import type { Moment, Then } from '../analysis/history/port.js';
import { type AsOf } from '../analysis/history/port.js';
import type { Position } from '../event-store/port.js';
import { toInstant } from '../events/ids.js';
import type { PageRequest } from '../queries/replies/reply.js';
import { ApiProblem } from './problems/problem.js';
import type { ProblemCode } from './problems/problem-kinds.js';

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, message)
    .transform(Number)
    .pipe(z.number().int().min(min, message).max(max, message));
}

const positionPattern = /^\d{1,15}$/;
// A position the client was given comes back as text.
const positionValue = z.number().int().min(0) as unknown as z.ZodType<Position, number>;

/** A log position. */
export const logPosition = z
  .string()
  .regex(positionPattern, 'must be a log position: a whole number')
  .transform(Number)
  .pipe(positionValue);

const cursor = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\w.~=-]+$/, 'must be the nextCursor of an earlier page')
  .nullable()
  .default(null);

/** The query parameters of everything that is paged. */
export const pageFields = { limit: wholeNumber(1, 100).default(20), cursor };
export const pageQuery = z.strictObject(pageFields) satisfies z.ZodType<PageRequest>;

const time = z.iso.datetime({ offset: true });

/** A moment of the past: a time with its zone, or a log position. */
const moment = z
  .string()
  .max(40)
  .transform((text, context): Moment => {
    if (positionPattern.test(text)) return { kind: 'position', position: Number(text) as Position };
    if (time.safeParse(text).success) return { kind: 'time', at: toInstant(Date.parse(text)) };
    const message = 'must be a time such as 2026-11-22T09:00:00Z, or a log position: a whole number';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  // It is read as an object, but documented as the text it is.
  .meta({ type: 'string' });

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
      throw ApiProblem.ofEnglish(code, `There is no ${what}.`);
    case 'not-yet': {
      const { since } = then;
      const detail = {
        en: `There was no ${what} then: ask for ${since} or later.`,
        ko: `그 시점에는 아직 없었습니다. ${since} 이후 시점으로 조회해 주세요.`,
      };
      throw new ApiProblem(code, detail, { facts: { since } });
    }
  }
}
