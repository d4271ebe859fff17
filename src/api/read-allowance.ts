import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { clientOf, type Trust } from '../platform/client-address.js';
import { DeadlineQueue } from '../platform/deadline-queue.js';
import type { SecurityEvents } from '../platform/security-events.js';
import { answerOnSocket } from './load-gate.js';
import { ApiProblem, type Bilingual, retryAfter } from './problems/problem.js';
import { InMemoryRateLimiter } from './rate-limiter.js';

export interface ReadLimits {
  /** Of one address; 0: no limit. */
  readonly perMinute: number;
  /** Addresses remembered; the least recently seen go first, and begin with a full allowance again. */
  readonly maxRemembered: number;
  /** A refusal is sent so much later: a client that asks again at once is kept from asking more often. */
  readonly refuseAfterMs: number;
}

/** The part of a minute's allowance that may be used at once. */
const burstShare = 1 / 4;
/** What a reply counts as, beside the request itself, when it is made and not sent from memory. */
const made = 2;
/** While none of its route was made. */
const unknown = 10;
/** One more for each so many bytes of a reply that is made: about a millisecond of work. */
const bytesPerRequest = 32 * 1024;
/** A state of the past is folded from the log, and its index is built or continued for it. */
const past = 100;

/**
 * What clients may read, by address: a number of requests a minute, of which a quarter may come at once. A reply that is
 * sent from memory counts as one request; one that is made for it as more, as many as one of that route counted for last.
 */
export class ReadAllowance {
  readonly #requests: InMemoryRateLimiter;
  /** Requests refused since the start. */
  refused = 0;
  /** What replies of a route counted for when one was last made; two entries a route. */
  readonly #costs = new Map<string, number>();

  constructor(
    { perMinute, maxRemembered }: Pick<ReadLimits, 'perMinute' | 'maxRemembered'>,
    nowMs: () => number = () => performance.now(),
  ) {
    const burst = Math.ceil(perMinute * burstShare);
    this.#requests = new InMemoryRateLimiter(perMinute, maxRemembered, nowMs, burst);
  }

  /** Counts a request. @returns 0, or the seconds until the next one is allowed: this one is not. */
  take(request: FastifyRequest): number {
    return this.#take(request, 1);
  }

  /** Counts what will be made for a request. @throws {ApiProblem} too-many-requests */
  takeForMaking(request: FastifyRequest): void {
    const cost = this.#costs.get(kindOf(request)) ?? unknown + (isOfPast(request) ? past : 0);
    const waitSeconds = this.#take(request, cost);
    if (waitSeconds > 0) throw tooMany(waitSeconds);
  }

  /** A reply of so many bytes was made for a request. */
  made(request: FastifyRequest, bytes: number): void {
    const cost = made + Math.floor(bytes / bytesPerRequest) + (isOfPast(request) ? past : 0);
    this.#costs.set(kindOf(request), cost);
  }

  #take(request: FastifyRequest, cost: number): number {
    const waitSeconds = this.#requests.takeNow(clientOf(request.ip), cost);
    if (waitSeconds > 0) this.refused++;
    return waitSeconds;
  }
}

function isOfPast({ query }: FastifyRequest): boolean {
  return (query as Record<string, unknown>).at !== undefined; // Fastify parses every query into an object
}

function kindOf(request: FastifyRequest): string {
  return `${request.routeOptions.url ?? ''}${isOfPast(request) ? '?at' : ''}`;
}

/**
 * Refuses reads, and whatever is asked without an access token, of addresses that have used up their allowance. The
 * refusal comes late, and the connection is answered nothing else meanwhile; not so to a trusted proxy, whose connections
 * others share. Health checks and the payment system are answered as late, and never refused; operators are not limited.
 */
export function limitReads(
  fastify: FastifyInstance,
  allowance: ReadAllowance,
  { trust, refuseAfterMs, security }: ReadLimiting,
): void {
  const delayed = new DeadlineQueue<FastifyReply, { goOn(): void }>(({ goOn }) => goOn(), {
    keepsProcess: false,
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const { load, operatorsOnly } = request.routeOptions.config ?? {};
    if (request.operator !== undefined) return done();
    const isRead = request.method === 'GET' || request.method === 'HEAD' || operatorsOnly !== undefined;
    if (!isRead && request.headers.authorization !== undefined) return done();
    const waitSeconds = allowance.take(request);
    if (waitSeconds === 0) return done();
    if (load !== 'essential') {
      const { ip, id: requestId } = request;
      security.record({ kind: 'limit-hit', limit: 'reads', address: clientOf(ip), requestId });
    }
    const goOn = load === 'essential' ? done : () => refuse(request, reply, waitSeconds);
    if (trust(request.raw.socket.remoteAddress ?? '', 0)) return goOn();
    delayed.set(reply, refuseAfterMs, { goOn });
    reply.raw.once('close', () => delayed.delete(reply));
  });
}

interface ReadLimiting {
  readonly trust: Trust;
  /** See {@link ReadLimits}. */
  readonly refuseAfterMs: number;
  readonly security: Pick<SecurityEvents, 'record'>;
}

function refuse(request: FastifyRequest, reply: FastifyReply, waitSeconds: number): void {
  const problem = tooMany(waitSeconds);
  answerOnSocket(request, reply, problem, problem.extras.headers ?? {});
}

function tooMany(waitSeconds: number): ApiProblem {
  const headers = retryAfter(waitSeconds);
  const seconds = headers['Retry-After'];
  const detail: Bilingual = {
    en: `Too many requests from your network: wait ${seconds} seconds and go on more slowly.`,
    ko: `같은 네트워크에서 온 요청이 너무 많습니다. ${seconds}초 뒤에 더 천천히 요청해 주세요.`,
  };
  return new ApiProblem('too-many-requests', detail, { headers, limit: 'reads' });
}
