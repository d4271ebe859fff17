import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { Queue } from 'bullmq';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { dashboardPath } from '../api/http-server.js';
import type { OperatorGate } from '../api/operator-gate.js';
import { ApiProblem } from '../api/problems/problem.js';
import { bearerOf } from '../api/request.js';
import type { RedisLink } from '../platform/redis.js';
import { queueName } from '../processes/redis/deadline-jobs.js';

/**
 * The dashboard of the deadline queue, to look only: what ends when is decided by the log. A browser asks for
 * an owner's or auditor's key as the password of any user name; programs send it as bearer token.
 * @returns what to close before Redis.
 */
export function addQueueDashboard(
  fastify: FastifyInstance,
  redis: RedisLink,
  gate: OperatorGate,
): { close(): Promise<void> } {
  const queue = new Queue(queueName, { connection: redis.client, prefix: redis.prefix });
  // Redis being away is the link's to report; the dashboard shows an error then.
  queue.on('error', () => undefined);
  const board = new FastifyAdapter();
  board.setBasePath(dashboardPath);
  createBullBoard({
    queues: [new BullMQAdapter(queue, { readOnlyMode: true })],
    serverAdapter: board,
  });
  fastify.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      try {
        await gate.admit(request, ['auditor'], bearerOf(request) ?? passwordOf(request));
      } catch (error) {
        // Also when the role is missing: a browser asks again for another key.
        if (!(error instanceof ApiProblem)) throw error;
        await reply
          .code(401)
          .header('WWW-Authenticate', 'Basic realm="operators", charset="UTF-8"')
          .send('Give the key of an owner or auditor as the password; any user name will do.');
      }
    });
    await scope.register(board.registerPlugin(), { prefix: dashboardPath });
  });
  return { close: () => queue.close() };
}

/** The password of HTTP basic authentication, if the request has one. */
function passwordOf({ headers }: FastifyRequest): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,4096})$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  const colonAt = pair.indexOf(':');
  return colonAt === -1 ? undefined : pair.slice(colonAt + 1);
}
