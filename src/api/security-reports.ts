import type { FastifyRequest } from 'fastify';
import { RefreshTokenReused } from '../commands/account/sessions.js';
import { Rejected } from '../domain/rejection.js';
import { clientOf } from '../platform/client-address.js';
import type { SecurityEvent } from '../platform/security-events.js';
import { ApiProblem } from './problems/problem.js';
import { pathOf } from './request.js';

/**
 * The security event that a refusal is, if it is one. Refusals of operators' endpoints are recorded where the key is
 * checked, since only that place knows the reason.
 */
export function securityEventOf(error: unknown, request: FastifyRequest): SecurityEvent | undefined {
  const { ip, id: requestId, userId } = request;
  const source = { address: clientOf(ip), requestId, userId };
  if (error instanceof RefreshTokenReused) {
    return { kind: 'refresh-token-reused', ...source, userId: error.userId };
  }
  switch (codeOf(error)) {
    case 'invalid-credentials': {
      const where = { method: request.method, path: pathOf(request) };
      return { kind: 'login-failed', ...where, ...source, login: loginIn(request.body) };
    }
    case 'unauthenticated': {
      const isRefused =
        request.headers.authorization !== undefined && !request.routeOptions.config?.operatorsOnly;
      return isRefused ? { kind: 'token-refused', token: 'access', ...source } : undefined;
    }
    case 'session-ended':
      // Of a refresh it is the command that refuses.
      return { kind: 'token-refused', token: error instanceof ApiProblem ? 'access' : 'refresh', ...source };
    case 'queue-token-invalid':
      return { kind: 'token-refused', token: 'queue', ...source };
    case 'too-many-requests': {
      const limit = error instanceof ApiProblem ? error.extras.limit : undefined;
      return limit === undefined
        ? undefined
        : { kind: 'limit-hit', limit, ...source, login: loginIn(request.body) };
    }
    default:
      return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof ApiProblem) return error.code;
  return error instanceof Rejected ? error.rejection.code : undefined;
}

/** The login id of a log-in's body. */
function loginIn(body: unknown): string | undefined {
  const isGiven = typeof body === 'object' && body !== null && 'loginId' in body;
  return isGiven && typeof body.loginId === 'string' ? body.loginId : undefined;
}
