import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DeadlineQueue } from '../platform/deadline-queue.js';
import { ApiProblem, problemHeaders, retryAfter } from './problems/problem.js';
import { pathOf, problemLanguage } from './request.js';
import { securityHeaders } from './security-headers.js';

export interface LoadLimits {
  /** Requests waiting or under way; more are turned away. Event streams have a limit of their own. */
  readonly maxInFlight: number;
  /**
   * While the request whose turn is next has waited longer than this, ms, new reads are turned away; new commands
   * at twice this. 0: never.
   */
  readonly maxWaitMs: number;
}

/**
 * Requests that begin in one turn of the event loop, a few milliseconds of work. Sockets, timers and connections
 * are polled once a turn, and Node accepts one connection each time: without this bound, turns under overload are so long
 * that health checks and new connections wait for seconds.
 */
const beginsPerTurn = 8;
/** In a turn that has accepted a connection, since more are likely to wait: shorter turns let them in sooner. */
const beginsBesideConnection = 2;
/** Of four requests that begin while both lines are full, so many are of fans who buy. */
const buyersOfFour = 3;
/** The share of the places that is left to fans who buy. */
const buyersShare = 0.1;
/**
 * A turn that lasts longer counts as several. With more than 1,024 active sockets libuv polls up to 48 times before the
 * next turn: for seconds no waiting request would begin while new ones are refused.
 */
const longestTurnMs = 2;

/**
 * Live streams count as commands: each spares many reads, and a browser does not try again by itself when one is refused.
 * Those of `buying` are the requests of the few who have their turn, whose time runs: they have a line of their own, so
 * that they do not stand behind the many who join or wait.
 */
type Kind = 'read' | 'command' | 'buying';

interface Waiting {
  readonly since: number;
  readonly begin: (leave: () => void) => void;
}

/** Requests in order of arrival. At most `maxInFlight` wait in all lines. */
type Line = Waiting[];

/** What the gate needs of the event loop. */
export interface Turns {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls back in the next turn, after what sockets have brought meanwhile. */
  nextTurn(callback: () => void): void;
}

const eventLoop: Turns = {
  now: () => performance.now(),
  nextTurn: (callback) => void setImmediate(callback),
};

/**
 * Starts requests in order of arrival, a few each turn of the event loop, and refuses new ones while the first in their
 * line has waited too long: a new request would wait at least as long. Accepted requests are answered in time; refused ones
 * are answered at once and cost little.
 */
export class LoadGate {
  readonly #buyers: Line = [];
  readonly #others: Line = [];
  readonly #returns = { buyers: new Returns(), others: new Returns() };
  #inFlight = 0;
  #refused = 0;
  #begunInTurn = 0;
  #begunFromLine = 0;
  #beginsInTurn = beginsPerTurn;
  #hasAccepted = false;
  #turnAt = Number.NEGATIVE_INFINITY;
  #isTurnAwaited = false;

  constructor(
    private readonly limits: LoadLimits,
    private readonly turns: Turns = eventLoop,
  ) {}

  /** Requests turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Requests whose turn has not come. */
  get waiting(): number {
    return this.#buyers.length + this.#others.length;
  }

  /**
   * Asks to begin a request.
   * @param begin is called when it may, at once or later, with what ends it.
   * @returns whether it will be; false when it is turned away.
   */
  enter(kind: Kind, begin: (leave: () => void) => void): boolean {
    const now = this.turns.now();
    if (this.#isRefusing(kind, now)) return false;
    this.#inFlight++;
    const line = this.#lineOf(kind);
    if (line.length === 0 && this.#begunInTurn < this.#beginsInTurn) this.#begin(begin);
    else line.push({ since: now, begin });
    this.#awaitTurn();
    return true;
  }

  /** A connection was accepted. */
  accepted(): void {
    this.#hasAccepted = true;
  }

  /** Seconds after which a request that is turned away now is to come again. */
  retryAfterSeconds(kind: Kind): number {
    const { buyers, others } = this.#returns;
    return (kind === 'buying' ? buyers : others).next(this.turns.now());
  }

  /** Whether a request would be turned away now; if so it counts as refused. For asking before its body has arrived. */
  isRefusing(kind: Kind): boolean {
    return this.#isRefusing(kind, this.turns.now());
  }

  #isRefusing(kind: Kind, now: number): boolean {
    if (now - this.#turnAt >= longestTurnMs) this.#letIn(now);
    const { maxInFlight } = this.limits;
    const places = kind === 'buying' ? maxInFlight : Math.ceil(maxInFlight * (1 - buyersShare));
    const isRefusing = this.#inFlight >= places || this.#isTooLate(kind, now);
    if (isRefusing) this.#refused++;
    return isRefusing;
  }

  #isTooLate(kind: Kind, now: number): boolean {
    const [first] = this.#lineOf(kind);
    if (this.limits.maxWaitMs === 0 || !first) return false;
    const patience = kind === 'read' ? 1 : 2;
    return now - first.since > this.limits.maxWaitMs * patience;
  }

  #lineOf(kind: Kind): Line {
    return kind === 'buying' ? this.#buyers : this.#others;
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.turns.nextTurn(() => {
      this.#isTurnAwaited = false;
      this.#letIn(this.turns.now());
      if (this.#begunInTurn > 0) this.#awaitTurn();
    });
  }

  /** A new turn for those in line. */
  #letIn(now: number): void {
    this.#turnAt = now;
    this.#begunInTurn = 0;
    this.#beginsInTurn = this.#hasAccepted ? beginsBesideConnection : beginsPerTurn;
    this.#hasAccepted = false;
    while (this.#begunInTurn < this.#beginsInTurn) {
      const [first, second] =
        this.#begunFromLine++ % 4 < buyersOfFour
          ? [this.#buyers, this.#others]
          : [this.#others, this.#buyers];
      const next = first.shift() ?? second.shift();
      if (!next) break;
      this.#begin(next.begin);
    }
  }

  #begin(begin: (leave: () => void) => void): void {
    this.#begunInTurn++;
    begin(() => {
      this.#inFlight--;
    });
  }
}

/** How many refused requests may come back in a second: reading and refusing them takes a few percent of a process. */
const returnsPerSecond = 500;
const shortestMeanSeconds = 2;
const longestMeanSeconds = 20;
/** After this time without refusals everything begins anew. */
const forgetAfterMs = 10_000;

/**
 * Says when refused requests are to come again. The more are refused in a second, the longer they stay away: a crowd that
 * came back every two seconds would cost as much as the requests that are served. Times are random, so that clients
 * refused together do not return together.
 */
export class Returns {
  #meanSeconds = shortestMeanSeconds;
  #refused = 0;
  #countedSince = 0;

  /** @param nowMs milliseconds that only grow. @returns whole seconds, between half of the mean and one and a half of it. */
  next(nowMs: number): number {
    const elapsedMs = nowMs - this.#countedSince;
    if (elapsedMs >= 1_000) {
      const change = (this.#refused * 1_000) / elapsedMs / returnsPerSecond;
      const mean = elapsedMs > forgetAfterMs ? 0 : this.#meanSeconds * Math.min(Math.max(change, 0.5), 2);
      this.#meanSeconds = Math.min(Math.max(mean, shortestMeanSeconds), longestMeanSeconds);
      this.#refused = 0;
      this.#countedSince = nowMs;
    }
    this.#refused++;
    return Math.round(this.#meanSeconds * (0.5 + Math.random()));
  }
}

/** How many bodies may be arriving, and for how long. */
export interface ArrivalLimits {
  readonly max: number;
  /** Of requests that anybody may make; the server's own time limit ends the others. */
  readonly anonymousTimeoutMs: number;
}

/**
 * Adds the gate. It must come before the hooks that do work, so that a refused request costs nothing else. A request takes
 * a place when its body has arrived: clients that announce one and send it slowly, or not at all, would otherwise fill all
 * places.
 * @param arrival see {@link ArrivingBodies}.
 */
export function shedLoad(fastify: FastifyInstance, gate: LoadGate, arrival: ArrivalLimits): void {
  const arriving = new ArrivingBodies(arrival);
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isExempt(request) && gate.isRefusing(kindOf(request)))
      return turnAway(request, reply, gate.retryAfterSeconds(kindOf(request)));
    if (announcesBody(request)) arriving.add(request, reply);
    done();
  });
  fastify.addHook('preValidation', (request, reply, done) => {
    arriving.delete(reply);
    if (isExempt(request)) return done();
    const isTaken = gate.enter(kindOf(request), (leave) => {
      // The client disconnected while it waited.
      if (reply.raw.destroyed) return leave();
      // A stream lasts for hours and is counted elsewhere: only its beginning is work.
      if (request.routeOptions.config?.load === 'stream') leave();
      else reply.raw.once('close', leave);
      done();
    });
    if (!isTaken) turnAway(request, reply, gate.retryAfterSeconds(kindOf(request)));
  });
}

function isExempt(request: FastifyRequest): boolean {
  const { load, operatorsOnly } = request.routeOptions.config ?? {};
  return load === 'essential' || operatorsOnly !== undefined;
}

function kindOf({ method, routeOptions }: FastifyRequest): Kind {
  const load = routeOptions.config?.load;
  if (load === 'buying') return 'buying';
  const isRead = (method === 'GET' || method === 'HEAD') && load !== 'stream';
  return isRead ? 'read' : 'command';
}

/**
 * The requests whose bodies are arriving. They have no place at the gate, but each takes a connection and up to a body of
 * memory. One more than the bound ends the one that has been arriving for the longest time: ordinary bodies come together
 * with their headers, so slow clients make room for others, never the reverse. Operators' feeds are not counted. A body of
 * a request that anybody may make has little time.
 */
class ArrivingBodies {
  /** Oldest first. */
  readonly #requests = new Map<FastifyReply, FastifyRequest>();
  readonly #overdue = new DeadlineQueue<FastifyReply, { readonly reply: FastifyReply }>(
    ({ reply }) => this.#giveUp(reply),
    { keepsProcess: false },
  );

  constructor(private readonly limits: ArrivalLimits) {}

  add(request: FastifyRequest, reply: FastifyReply): void {
    const { operatorsOnly, isAnonymous } = request.routeOptions.config ?? {};
    if (operatorsOnly) return;
    this.#requests.set(reply, request);
    if (isAnonymous) this.#overdue.set(reply, this.limits.anonymousTimeoutMs, { reply });
    reply.raw.once('close', () => this.delete(reply));
    if (this.#requests.size <= this.limits.max) return;
    const [oldest] = this.#requests.keys();
    if (oldest) this.#giveUp(oldest);
  }

  /** Its body has arrived, or never will. */
  delete(reply: FastifyReply): void {
    if (this.#requests.delete(reply)) this.#overdue.delete(reply);
  }

  #giveUp(reply: FastifyReply): void {
    const request = this.#requests.get(reply);
    this.delete(reply);
    if (request) answerOnSocket(request, reply, requestTooSlow, { Connection: 'close' });
  }
}

function announcesBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** A request that did not arrive in time. */
export const requestTooSlow = new ApiProblem('request-timeout', {
  en: 'The request did not arrive in time: send it again.',
  ko: '요청이 제시간에 도착하지 않았습니다. 다시 보내 주세요.',
});

/** Under overload thousands are refused, so each must cost little. */
function turnAway(request: FastifyRequest, reply: FastifyReply, seconds: number): void {
  let busy = busyFor.get(seconds);
  if (!busy) {
    busy = new ApiProblem('busy', {
      en: `More people are asking than can be served: try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`,
      ko: `지금 요청이 몰리고 있습니다. ${seconds}초 뒤에 다시 시도해 주세요.`,
    });
    busyFor.set(seconds, busy);
  }
  answerOnSocket(request, reply, busy, retryAfter(seconds));
}

/** By seconds, of which there are few: {@link Returns}. */
const busyFor = new Map<number, ApiProblem>();

/** Answers without hooks and serializers. */
export function answerOnSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: ApiProblem,
  headers: Readonly<Record<string, string>>,
): void {
  const language = problemLanguage(request);
  const body = `${JSON.stringify(problem.toDocument(pathOf(request), request.id, language))}\n`;
  request.isTurnedAway = true;
  reply.hijack();
  reply.raw
    .writeHead(problem.status, {
      ...securityHeaders,
      'X-Request-Id': request.id,
      ...problemHeaders(language),
      'Content-Length': Buffer.byteLength(body),
      ...headers,
    })
    .end(body);
}
