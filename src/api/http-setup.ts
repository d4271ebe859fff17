import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { limitAnswers } from './answer-limit.js';
import type { ApiSettings } from './api-settings.js';
import { addBodyParsers } from './body-parsers.js';
import { isOperator, operatorsOnly } from './guards/operators.js';
import { LoadGate, shedLoad } from './load-gate.js';
import { setUpDocs } from './openapi/docs-site.js';
import { ApiProblem, problemMediaType } from './problem.js';
import { ProblemFilter, sendProblem } from './problem-filter.js';
import { requestIdOf } from './request.js';
import { RouteTable } from './route-table.js';

/** A client that sends its request slower than this is cut off. */
const requestTimeoutMs = 30_000;
const dropIdleEveryMs = 50;

/**
 * The HTTP server of the API. Create the application on it with `bodyParser: false`: bodies are read by our
 * own parsers.
 */
export function createFastifyAdapter(settings: ApiSettings): FastifyAdapter {
  const logger = new Logger('Api');
  const adapter = new FastifyAdapter({
    trustProxy: settings.trustProxy,
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    requestIdHeader: false,
    genReqId: requestIdOf,
    // Requests that are already here are answered; those that need a closed part get "unavailable".
    return503OnClosing: false,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      reply.header('X-Request-Id', request.id);
      sendProblem(error, request, reply, logger);
    },
    clientErrorHandler: answerUnreadable,
  });
  prepare(adapter.getInstance<FastifyInstance>(), settings, logger);
  return adapter;
}

/** Gives an application created on {@link createFastifyAdapter} its error replies and its documentation. */
export function configureHttp(app: NestFastifyApplication, { hasApi = true } = {}): void {
  app.useGlobalFilters(new ProblemFilter());
  if (hasApi) setUpDocs(app);
}

function prepare(fastify: FastifyInstance, settings: ApiSettings, logger: Logger): void {
  const routes = new RouteTable();
  fastify.decorate('methodsOf', (url: string) => routes.methodsOf(url));
  fastify.decorateRequest('userId', undefined);
  fastify.decorateRequest('queuePass', undefined);
  fastify.decorateRequest('isTurnedAway', false);
  fastify.addHook('onRoute', (route) => {
    routes.add(route.url, [route.method].flat());
    const limit = route.config?.bodyLimitBytes;
    if (limit !== undefined) route.bodyLimit = limit;
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    done();
  });
  shedLoad(fastify, new LoadGate(settings.load));
  limitAnswers(fastify, logger, settings.answerLimits);
  fastify.addHook('onRequest', (request, _reply, done) => {
    const isRefused = request.routeOptions.config?.operatorsOnly && !isOperator(request, settings);
    done(isRefused ? operatorsOnly() : undefined);
  });
  const open = openConnections(fastify.server);
  fastify.addHook('preClose', (done) => {
    dropIdleConnections(fastify.server, open);
    done();
  });
  addBodyParsers(fastify);
}

/**
 * A closing server waits for its connections: those that stay open for a next request are closed when idle. Node
 * does not count one as idle that has never sent anything, as browsers open them ahead of time.
 * @param open every connection the server has.
 */
function dropIdleConnections(server: FastifyInstance['server'], open: ReadonlySet<Socket>): void {
  const timer = setInterval(() => {
    server.closeIdleConnections();
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  }, dropIdleEveryMs);
  server.once('close', () => clearInterval(timer));
}

/** The connections of a server that are open now. */
function openConnections(server: FastifyInstance['server']): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}

/**
 * What isn't even HTTP, has headers too large, or comes too slowly is answered on the bare socket. A connection that
 * was opened ahead of time and never used is closed in silence: a client that sends its first request at that moment
 * would take a 408 for the answer to it.
 */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const problem = unreadable(error.code);
  const body = JSON.stringify(problem.toDocument('', ''));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function unreadable(code: string | undefined): ApiProblem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiProblem('request-timeout', 'The request did not arrive in time: send it again.');
    case 'HPE_HEADER_OVERFLOW':
      return new ApiProblem('headers-too-large', 'The headers are larger than 16 KiB together: send less.');
    default:
      return new ApiProblem('malformed-request', 'The request is not HTTP this server understands.');
  }
}
