import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HistoryUnavailable, MomentAhead } from '../../analysis/history/port.js';
import { Rejected } from '../../domain/rejection.js';
import { StoreUnavailable } from '../../event-store/port.js';
import { HasherBusy } from '../../platform/password-hasher.js';
import { ReadModelsUnavailable } from '../../queries/database.js';
import { InvalidCursor } from '../../queries/paging.js';
import { pathOf } from '../request.js';
import { ApiProblem, problemMediaType, retryAfter } from './problem.js';

import type { ApiCode } from './problem-kinds.js';

/** Answers everything that is thrown as a problem document. A defect of ours is logged and tells nothing. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.#logger);
  }
}

/** Sends what was thrown as a problem document; a reply that has begun is cut off instead. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): void {
  const known = toProblem(error, request);
  if (!known || (known.status >= 500 && !(error instanceof ApiProblem))) log(logger, error, request);
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const problem =
    known ?? new ApiProblem('internal', `Something went wrong here: quote request ${request.id} to us.`);
  reply.code(problem.status).headers({ ...problem.extras.headers, 'Content-Type': problemMediaType });
  reply.send(JSON.stringify(problem.toDocument(pathOf(request), request.id)));
}

function log(logger: Logger, error: unknown, request: FastifyRequest): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error(`request ${request.id} ${request.method} ${pathOf(request)}: ${text}`);
}

/** What Fastify refuses before a controller is reached, by its error codes. */
const fastifyProblems: Readonly<Record<string, readonly [ApiCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'The body is larger than this endpoint accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed-json', 'The body is not JSON.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed-json', 'The body is empty: send JSON.'],
};

/** Turns whatever was thrown into the problem to answer; undefined for a defect of ours. */
export function toProblem(error: unknown, request: FastifyRequest): ApiProblem | undefined {
  if (error instanceof ApiProblem) return error;
  if (error instanceof Rejected) return fromRejection(error);
  if (error instanceof StoreUnavailable) {
    const detail = 'The outcome is unknown: repeat the request with the same idempotency key.';
    return new ApiProblem('unavailable', detail, { headers: retryAfter(1) });
  }
  if (error instanceof ReadModelsUnavailable) {
    const detail =
      'The database does not answer: repeat the request, a command with the same idempotency key.';
    return new ApiProblem('unavailable', detail, { headers: retryAfter(1) });
  }
  if (error instanceof HasherBusy) {
    const detail = 'Too many people are logging in: try again in a few seconds.';
    return new ApiProblem('unavailable', detail, { headers: retryAfter(5) });
  }
  if (error instanceof InvalidCursor) {
    const errors = [{ field: 'cursor', message: 'must be the nextCursor of an earlier page of this list' }];
    return new ApiProblem('validation-failed', 'Start again from the first page.', { errors });
  }
  if (error instanceof MomentAhead) {
    const errors = [{ field: 'at', message: `is still to come: the latest is ${error.latest}` }];
    return new ApiProblem('validation-failed', `Ask for ${error.latest} or earlier.`, { errors });
  }
  if (error instanceof HistoryUnavailable) {
    return new ApiProblem('unavailable', historyAdvice[error.reason], { headers: retryAfter(2) });
  }
  return fromFramework(error, request);
}

const historyAdvice: Readonly<Record<HistoryUnavailable['reason'], string>> = {
  building: 'The history is being read from the log: ask again in a moment.',
  'too-many-builds': 'Other histories are being read from the log: ask again in a moment.',
  'too-large': 'This history is larger than this server keeps in memory: ask the operators.',
};

function fromRejection({ rejection }: Rejected): ApiProblem {
  const { code, message, details } = rejection;
  const headers = code === 'busy' || code === 'hold-in-progress' ? { headers: retryAfter(1) } : {};
  return new ApiProblem(code, message, { ...headers, ...(details === undefined ? {} : { facts: details }) });
}

function fromFramework(error: unknown, request: FastifyRequest): ApiProblem | undefined {
  const cause = error instanceof HttpException ? error.cause : error;
  const code = hasCode(cause) ? cause.code : undefined;
  const known = code === undefined ? undefined : fastifyProblems[code];
  if (known) return new ApiProblem(...known);
  const status = error instanceof HttpException ? error.getStatus() : statusOf(error);
  if (status === undefined || status >= 500) return undefined;
  if (status === 404) return unmatched(request);
  if (status === 401) return new ApiProblem('unauthenticated', 'Log in first.');
  if (status === 403) return new ApiProblem('forbidden', 'You may not do this.');
  return new ApiProblem('malformed-request', 'The request is malformed: check its URL, headers and body.');
}

/** No route has this path, or none has it with this method. */
function unmatched(request: FastifyRequest): ApiProblem {
  const methods = request.server.methodsOf(request.url);
  if (methods.length === 0) {
    return new ApiProblem('not-found', 'There is nothing at this address: see /docs for what there is.');
  }
  const allow = methods.join(', ');
  return new ApiProblem('method-not-allowed', `Use one of ${allow} here.`, { headers: { Allow: allow } });
}

function hasCode(error: unknown): error is { readonly code: string } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
