import { isUtf8 } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { trustIn } from '../platform/client-address.js';
import type { Log } from '../platform/logging.js';
import { SecurityEvents } from '../platform/security-events.js';
import { hasDuplicateKeys } from '../platform/unique-keys.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { Connections } from './connections.js';
import { LoadGate, requestTooSlow, shedLoad } from './load-gate.js';
import { docsPath, setUpDocs } from './openapi/docs-site.js';
import { type OperatorGate, recogniseOperators, refuseOthers } from './operator-gate.js';
import { ApiProblem, problemMediaType } from './problems/problem.js';
import { ProblemFilter, sendProblem } from './problems/problem-filter.js';
import { limitReads, ReadAllowance } from './read-allowance.js';
import { READ_POSITION, type ReadPosition } from './read-position.js';
import { pathOf, requestIdOf } from './request.js';
import { addRequestTimeout } from './request-timeout.js';
import { addSecurityHeaders, allowOrigins, securityHeaders } from './security-headers.js';
import { shareReplies } from './shared-replies.js';

/** Where the dashboard of deadlines is, if there is one. */
export const dashboardPath = '/admin/queues';

/** A request that is too slow in arriving is ended at most this part of the allowed time late. */
const receiveTolerance = 0.1;
const dropIdleEveryMs = 50;

/**
 * The HTTP server of the API. Create the application on it with `bodyParser: false`: bodies are read by the parsers added
 * here.
 */
export function createFastifyAdapter(
  settings: ApiSettings,
  operators: OperatorGate,
  security: SecurityEvents,
): FastifyAdapter {
  const logger = new Logger('Api');
  const adapter = new FastifyAdapter({
    // A function: Fastify itself believes no proxy when it is given a number of them.
    trustProxy: settings.trustProxy === false ? false : trustIn(settings.trustProxy),
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: settings.receiveTimeoutMs,
    http: {
      // Node takes the longer of the two for bodies, and its default for headers is a minute.
      headersTimeout: settings.receiveTimeoutMs,
      requestTimeout: settings.receiveTimeoutMs,
      connectionsCheckingInterval: settings.receiveTimeoutMs * receiveTolerance,
    },
    requestIdHeader: false,
    genReqId: requestIdOf,
    // Requests that are already here are answered; those that need a closed part get "unavailable".
    return503OnClosing: false,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      reply.headers({ 'X-Request-Id': request.id, ...securityHeaders });
      sendProblem(error, request, reply, logger);
    },
    clientErrorHandler: answerUnreadable,
  });
  prepare(adapter.getInstance<FastifyInstance>(), { settings, operators, security, logger });
  return adapter;
}

/** Gives an application created on {@link createFastifyAdapter} its error replies, shared replies and documentation. */
export function configureHttp(app: NestFastifyApplication, { hasApi = true } = {}): void {
  app.useGlobalFilters(new ProblemFilter(app.get(SecurityEvents)));
  const { sharedReplies, corsOrigins } = app.get<ApiSettings>(API_SETTINGS);
  allowOrigins(app, corsOrigins);
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  shareReplies(fastify, app.get<ReadPosition>(READ_POSITION), sharedReplies);
  if (hasApi) setUpDocs(app);
}

interface ServerParts {
  readonly settings: ApiSettings;
  readonly operators: OperatorGate;
  readonly security: SecurityEvents;
  readonly logger: Logger;
}

function prepare(fastify: FastifyInstance, { settings, operators, security, logger }: ServerParts): void {
  const routes = new RouteTable();
  fastify.decorate('methodsOf', (url: string) => routes.methodsOf(url));
  // A line break after JSON keeps the shell's prompt off the last line.
  fastify.setReplySerializer((body) => `${JSON.stringify(body)}\n`);
  fastify.decorateRequest('userId', undefined);
  fastify.decorateRequest('session', undefined);
  fastify.decorateRequest('queueToken', undefined);
  fastify.decorateRequest('operator', undefined);
  fastify.decorateRequest('operatorRefusal', undefined);
  fastify.decorateRequest('isTurnedAway', false);
  fastify.addHook('onRoute', (route) => {
    routes.add(route.url, [route.method].flat());
    const { bodyLimitBytes, isAnonymous } = route.config ?? {};
    const limit = bodyLimitBytes ?? (isAnonymous ? settings.anonymousBodies.limitBytes : undefined);
    if (limit !== undefined) route.bodyLimit = limit;
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    done();
  });
  addSecurityHeaders(fastify, [docsPath, dashboardPath]);
  const trust = trustIn(settings.trustProxy);
  const connections = new Connections(settings.connections, trust);
  fastify.decorate('connections', connections);
  recogniseOperators(fastify, operators);
  const allowance = new ReadAllowance(settings.reads);
  fastify.decorate('readAllowance', allowance);
  limitReads(fastify, allowance, {
    trust,
    refuseAfterMs: settings.reads.refuseAfterMs,
    security,
  });
  const gate = new LoadGate(settings.load);
  fastify.decorate('loadGate', gate);
  connections.watch(fastify.server, () => gate.accepted());
  shedLoad(fastify, gate, {
    max: settings.load.maxInFlight,
    anonymousTimeoutMs: settings.anonymousBodies.timeoutMs,
  });
  addRequestTimeout(fastify, logger, settings.requestTimeouts);
  refuseOthers(fastify);
  fastify.addHook('preClose', (done) => {
    dropIdleConnections(fastify.server, connections);
    done();
  });
  addBodyParsers(fastify);
}

/**
 * A closing server waits for its connections: those that stay open for a next request are closed when idle. Node
 * does not count one as idle that has never sent anything.
 */
function dropIdleConnections(server: FastifyInstance['server'], connections: Connections): void {
  const timer = setInterval(() => {
    server.closeIdleConnections();
    connections.dropUnused();
  }, dropIdleEveryMs);
  server.once('close', () => clearInterval(timer));
}

/**
 * Input that is not HTTP, has headers that are too large or arrives too slowly is answered on the bare socket. A
 * connection that was never used is closed without an answer: a client that sends its first request at that moment would
 * take a 408 for the answer to it.
 */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const problem = unreadable(error.code);
  // Nothing could be read of what the client prefers.
  const body = `${JSON.stringify(problem.toDocument('', '', 'en'))}\n`;
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${problemMediaType}`,
    'Content-Language: en',
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function unreadable(code: string | undefined): ApiProblem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTooSlow;
    case 'HPE_HEADER_OVERFLOW':
      return new ApiProblem('headers-too-large', {
        en: 'The headers are larger than 16 KiB together: send less.',
        ko: '헤더의 합이 16KiB를 넘습니다. 줄여서 보내 주세요.',
      });
    default:
      return new ApiProblem('malformed-request', {
        en: 'The request is not HTTP this server understands.',
        ko: '서버가 이해할 수 없는 HTTP 요청입니다.',
      });
  }
}

/** What a feed may be sent as. Only endpoints that take text as it came accept these. */
const textTypes = /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?xml)(?:\s*;|$)/;

/** Reads bodies strictly: JSON that is valid UTF-8, or text or bytes where an endpoint asks for them. */
function addBodyParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, wantsRaw(request) ? rawBody(request, body) : parseJson(body));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  fastify.addContentTypeParser<Buffer>(textTypes, { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (!wantsRaw(request)) {
        throw new ApiProblem('unsupported-media-type', {
          en: 'Send the body as application/json.',
          ko: '본문을 application/json으로 보내 주세요.',
        });
      }
      done(null, rawBody(request, body));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function wantsRaw(request: FastifyRequest): boolean {
  return request.routeOptions.config?.body !== undefined;
}

function rawBody(request: FastifyRequest, body: Buffer): Buffer | string {
  return request.routeOptions.config?.body === 'bytes' ? body : decode(body);
}

/** An empty body is undefined: the endpoint's validation then names the missing fields. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = decode(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiProblem('malformed-json', {
      en: 'The body is not JSON: correct it and send it again.',
      ko: '본문이 올바른 JSON이 아닙니다. 고친 뒤 다시 보내 주세요.',
    });
  }
  if (hasDuplicateKeys(text, value)) {
    throw new ApiProblem('malformed-json', {
      en: 'The body names a field of one object twice: send each once.',
      ko: '본문의 한 객체에 같은 필드가 두 번 있습니다. 한 번만 보내 주세요.',
    });
  }
  return value;
}

function decode(body: Buffer): string {
  if (!isUtf8(body))
    throw new ApiProblem('malformed-json', {
      en: 'The body is not valid UTF-8.',
      ko: '본문이 올바른 UTF-8이 아닙니다.',
    });
  return body.toString('utf8');
}

/** The methods of each route, for the Allow header: the router only reports that no route matches. */
class RouteTable {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param url Fastify's pattern, such as `/v1/orders/:orderId`. */
  add(url: string, methods: readonly string[]): void {
    const source = url
      .split('/')
      .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[^\w-]/g, '\\$&')))
      .join('/');
    if (!url.includes('*')) this.#routes.push({ pattern: new RegExp(`^${source}$`), methods });
  }

  /** The methods answered at a URL (its query is ignored); empty when there is nothing. */
  methodsOf(url: string): readonly string[] {
    const path = url.split('?', 1)[0] ?? '';
    const matching = this.#routes.filter(({ pattern }) => pattern.test(path));
    return [...new Set(matching.flatMap(({ methods }) => methods))].sort();
  }
}

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
        operator: request.operator?.operator,
      };
      if (statusCode >= 500) log.error(details, 'request failed');
      else if (statusCode >= 400) log.info(details, 'request refused');
      else log.debug(details, 'request served');
    }
    done();
  });
}
