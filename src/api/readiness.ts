import type { FastifyInstance } from 'fastify';
import { ApiProblem, retryAfter } from './problems/problem.js';
import { pathOf } from './request.js';

/** The token {@link Readiness} is injected by. */
export const READINESS = Symbol('Readiness');

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, for the operator. */
  readonly detail: string;
}

/** Whether this process should be sent requests: log and database answer, the read models follow the log. */
export interface Readiness {
  check(): Promise<{ readonly ready: boolean; readonly checks: readonly ReadinessCheck[] }>;
  /** Why this process will never be ready again and must be replaced; undefined otherwise. */
  refusal(): string | undefined;
}

/** Refuses every request except `/health` while `refusal` returns a reason. */
export function refuseRequests(fastify: FastifyInstance, refusal: Readiness['refusal']): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const isRefused = refusal() !== undefined && !pathOf(request).startsWith('/health/');
    done(isRefused ? logMismatch() : undefined);
  });
}

function logMismatch(): ApiProblem {
  const detail =
    'The office is closed until its operators have restored the log that belongs to the tables, or rebuilt the tables.';
  return ApiProblem.ofEnglish('log-mismatch', detail, { headers: retryAfter(30) });
}
