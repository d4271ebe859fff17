import type { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DeadlineQueue } from '../platform/deadline-queue.js';
import { ApiProblem, retryAfter } from './problems/problem.js';
import { sendProblem } from './problems/problem-filter.js';
import { pathOf } from './request.js';

/** How long a handler may take. */
export interface RequestTimeouts {
  readonly timeoutMs: number;
  /** Of imports and audits. */
  readonly longTimeoutMs: number;
}

/**
 * Answers for a handler that hangs. Fastify's `handlerTimeout` does not work for commands: it stops counting when the
 * body has been read. Add it after the load gate: the body has arrived then, and waiting there does not count.
 */
export function addRequestTimeout(
  fastify: FastifyInstance,
  logger: Logger,
  { timeoutMs, longTimeoutMs }: RequestTimeouts,
): void {
  const overdue = new DeadlineQueue<FastifyReply, UnderWay>(
    ({ request, reply }) => {
      // A live stream has been sent, as far as Fastify is concerned.
      if (reply.sent) return;
      logger.error(`request ${request.id} ${request.method} ${pathOf(request)}: the handler hangs`);
      const detail = {
        en: 'This took too long, and the outcome is unknown: repeat the request with the same idempotency key.',
        ko: '처리 시간이 너무 길어 결과를 알 수 없습니다. 같은 멱등 키로 다시 요청해 주세요.',
      };
      const problem = new ApiProblem('unavailable', detail, { headers: retryAfter(1) });
      sendProblem(problem, request, reply, logger);
    },
    { keepsProcess: false },
  );
  fastify.addHook('preValidation', (request, reply, done) => {
    const isLong = request.routeOptions.config?.load === 'long';
    overdue.set(reply, isLong ? longTimeoutMs : timeoutMs, { request, reply });
    reply.raw.once('close', () => overdue.delete(reply));
    done();
  });
}

interface UnderWay {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}
