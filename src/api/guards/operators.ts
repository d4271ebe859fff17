import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { ApiSettings } from '../api-settings.js';
import { ApiProblem } from '../problem.js';
import { bearerOf } from './bearer.js';

/** Whether the request carries the operators' key. */
export function isOperator(request: FastifyRequest, settings: Pick<ApiSettings, 'adminKey'>): boolean {
  return isOperatorKey(bearerOf(request), settings);
}

/** Whether this is the operators' key. The comparison tells nothing about the key by its time. */
export function isOperatorKey(
  given: string | undefined,
  { adminKey }: Pick<ApiSettings, 'adminKey'>,
): boolean {
  if (adminKey === undefined || given === undefined) return false;
  return timingSafeEqual(digest(given), digest(adminKey));
}

/** The refusal of everybody else. */
export function operatorsOnly(): ApiProblem {
  return new ApiProblem('unauthenticated', 'Send the operators’ key as bearer token.', {
    headers: { 'WWW-Authenticate': 'Bearer realm="operators"' },
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
