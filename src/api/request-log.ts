import type { FastifyInstance } from 'fastify';
import type { Log } from '../platform/logging.js';
import { pathOf } from './request.js';

/**
 * Writes a line for every failed request, and for all of them when details are wanted: at full load the lines
 * of requests that went well would cost more than they tell. Query strings are left out, since event streams
 * carry their token there.
 */
export function logRequests(fastify: FastifyInstance, log: Log): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    // Under overload a line each would be the load: the gate counts them.
    if (request.isTurnedAway) return done();
    const { statusCode } = reply;
    if (statusCode >= 400 || log.isLevelEnabled('debug')) {
      const details = {
        requestId: request.id,
        method: request.method,
        path: pathOf(request),
        status: statusCode,
        durationMs: Math.round(reply.elapsedTime),
        userId: request.userId,
      };
      if (statusCode >= 500) log.error(details, 'request failed');
      else if (statusCode >= 400) log.info(details, 'request refused');
      else log.debug(details, 'request served');
    }
    done();
  });
}
