import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblem, problemHeaders, retryAfter } from './problems/problem.js';
import { pathOf, problemLanguage } from './request.js';

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
/**
 * A turn that lasts longer counts as several. With more than 1,024 active sockets libuv polls up to 48 times before the
 * next turn: for seconds no waiting request would begin while new ones are refused.
 */
const longestTurnMs = 2;

type Kind = 'read' | 'command';

interface Waiting {
  readonly since: number;
  readonly begin: (leave: () => void) => void;
}

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
 * Starts requests in order of arrival, a few each turn of the event loop, and refuses new ones while the first in line
 * has waited too long: a new request would wait at least as long. Accepted requests are answered in time; refused ones
 * are answered at once and cost little.
 */
export class LoadGate {
  /** At most `maxInFlight`. */
  readonly #line: Waiting[] = [];
  #inFlight = 0;
  #refused = 0;
  #begunInTurn = 0;
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
    return this.#line.length;
  }

  /**
   * Asks to begin a request.
   * @param begin is called when it may, at once or later, with what ends it.
   * @returns whether it will be; false when it is turned away.
   */
  enter(kind: Kind, begin: (leave: () => void) => void): boolean {
    const now = this.turns.now();
    if (now - this.#turnAt >= longestTurnMs) this.#letIn(now);
    if (this.#inFlight >= this.limits.maxInFlight || this.#isTooLate(kind, now)) {
      this.#refused++;
      return false;
    }
    this.#inFlight++;
    if (this.#line.length === 0 && this.#begunInTurn < beginsPerTurn) this.#begin(begin);
    else this.#line.push({ since: now, begin });
    this.#awaitTurn();
    return true;
  }

  #isTooLate(kind: Kind, now: number): boolean {
    const [first] = this.#line;
    if (this.limits.maxWaitMs === 0 || !first) return false;
    const patience = kind === 'read' ? 1 : 2;
    return now - first.since > this.limits.maxWaitMs * patience;
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
    while (this.#begunInTurn < beginsPerTurn) {
      const next = this.#line.shift();
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

/** Adds the gate. It must be the first hook, so that a refused request costs nothing else. */
export function shedLoad(fastify: FastifyInstance, gate: LoadGate): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { load, operatorsOnly } = request.routeOptions.config ?? {};
    if (load === 'essential' || operatorsOnly) return done();
    const isTaken = gate.enter(kindOf(request), (leave) => {
      // The client disconnected while it waited.
      if (reply.raw.destroyed) return leave();
      // A stream lasts for hours and is counted elsewhere: only its beginning is work.
      if (load === 'stream') leave();
      else reply.raw.once('close', leave);
      done();
    });
    if (!isTaken) turnAway(request, reply);
  });
}

function kindOf({ method }: FastifyRequest): Kind {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'command';
}

/** Different waits, so that clients refused together do not return together. */
const waits = [1, 2, 3].map((seconds) => ({
  seconds,
  problem: new ApiProblem('busy', {
    en: `More people are asking than can be served: try again in ${seconds} seconds.`,
    ko: `지금 요청이 몰리고 있습니다. ${seconds}초 뒤에 다시 시도해 주세요.`,
  }),
}));

/** Answers on the bare socket, without hooks and serializers: under overload thousands are refused, each must cost little. */
function turnAway(request: FastifyRequest, reply: FastifyReply): void {
  const wait = waits[Math.floor(Math.random() * waits.length)];
  if (!wait) throw new Error('there is always a wait');
  const language = problemLanguage(request);
  const body = `${JSON.stringify(wait.problem.toDocument(pathOf(request), request.id, language))}\n`;
  request.isTurnedAway = true;
  reply.hijack();
  reply.raw
    .writeHead(wait.problem.status, {
      'X-Request-Id': request.id,
      ...problemHeaders(language),
      'Content-Length': Buffer.byteLength(body),
      ...retryAfter(wait.seconds),
    })
    .end(body);
}
