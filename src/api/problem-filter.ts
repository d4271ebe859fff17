import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblem, problemMediaType } from './problem.js';
import { pathOf } from './request.js';
import { toProblem } from './to-problem.js';

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
