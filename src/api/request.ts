import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { FastifyRequest } from 'fastify';
import type { QueuePass } from '../commands/queue/queue-admission.js';
import type { UserId } from '../events/ids.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by UserGuard. */
    userId: UserId | undefined;
    /** Set by QueueTokenGuard. */
    queuePass: QueuePass | undefined;
    /** Set by the load gate: refused before anything was looked at. */
    isTurnedAway: boolean;
  }
  interface FastifyInstance {
    /** The methods some route answers at this URL; empty when there is none. */
    methodsOf(url: string): readonly string[];
  }
  interface FastifyContextConfig {
    /** Largest body of this route, in bytes; else the server's. */
    bodyLimitBytes?: number;
    /** `text`: the body reaches the handler as it came, whatever its type. */
    body?: 'text';
    /** Refuse whoever isn't an operator before the body is read. */
    operatorsOnly?: boolean;
    /** `essential`: answered under any load; `stream`: an event stream; `long`: may take minutes. */
    load?: 'essential' | 'stream' | 'long';
  }
}

/** A request id worth taking over from the caller: short and harmless in logs and headers. */
const saneRequestId = /^[A-Za-z0-9._:-]{8,100}$/;

/** The caller's request id when it is sane, else a new one. */
export function requestIdOf(raw: IncomingMessage | Http2ServerRequest): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

/** The path without its query, which may carry tokens. */
export function pathOf(request: FastifyRequest): string {
  const queryAt = request.url.indexOf('?');
  return queryAt === -1 ? request.url : request.url.slice(0, queryAt);
}
