import { MessageChannel } from 'node:worker_threads';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblem, problemMediaType, retryAfter } from './problem.js';
import { pathOf } from './request.js';

export interface LoadLimits {
  /** Requests under way at the same time; more are turned away. Event streams have a limit of their own. */
  readonly maxInFlight: number;
  /**
   * How late, in ms, the event loop may run while the process is overloaded: a request that comes later than
   * this after the last turn began is turned away; a command at twice as late. 0: never.
   */
  readonly maxLoopDelayMs: number;
}

/** A turn is measured at most this often, so that measuring costs nothing. */
const measureEveryMs = 5;
/** A process that has been late for so long, in two turns at least, is overloaded: one pause is not. */
const overloadedAfterMs = 200;
/** It no longer is when it was never late for so long, and so turned nobody away. */
const calmAfterMs = 1_000;

/** What the gate needs to know of the event loop. */
export interface TurnsOfLoop {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls back when the loop has been through everything that waited for it at the moment. */
  afterThisTurn(callback: () => void): void;
  close(): void;
}

/**
 * The event loop of this process. A turn ends when a message to ourselves arrives, which waits its turn among the
 * sockets. Timers are no measure of a flood: while a poll finds 1,024 sockets ready, libuv polls again, up to 48
 * times, before it looks at timers (uv__io_poll in src/unix/linux.c), which can be seconds.
 */
export function eventLoop(): TurnsOfLoop {
  const { port1, port2 } = new MessageChannel();
  let pending: (() => void) | undefined;
  port2.on('message', () => pending?.());
  // It keeps no process from ending.
  port2.unref();
  return {
    now: () => performance.now(),
    afterThisTurn(callback) {
      pending = callback;
      port1.postMessage(undefined);
    },
    close: () => port1.close(),
  };
}

/**
 * Turns requests away while this process can't keep up, so that those it takes are answered in time. A request
 * that waits costs as much as one that is answered; one turned away costs little.
 *
 * When turns of the event loop have been too long for some time, each takes requests only until it has lasted
 * `maxLoopDelayMs`; the rest of that turn's are turned away at once. That one bad sample is not yet overload follows
 * CoDel (Nichols and Jacobson, ACM Queue 10(5), 2012).
 */
export class LoadGate {
  #inFlight = 0;
  #refused = 0;
  #isOverloaded = false;
  #lateTurns = 0;
  /** When the turn began that is being measured. */
  #turnAt: number | undefined;
  #measuredAt: number;
  #onTimeAt: number;
  #lateAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly limits: LoadLimits,
    private readonly loop: TurnsOfLoop = eventLoop(),
  ) {
    this.#onTimeAt = loop.now();
    this.#measuredAt = this.#onTimeAt - measureEveryMs;
  }

  /** Whether requests are turned away at the moment. */
  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  /** Requests turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  close(): void {
    this.loop.close();
  }

  /**
   * Asks to begin a request.
   * @returns what ends it, or undefined when the request is to be turned away.
   */
  enter(kind: 'read' | 'command'): (() => void) | undefined {
    if (this.#inFlight >= this.limits.maxInFlight || this.#isTooLate(kind)) {
      this.#refused++;
      return undefined;
    }
    this.#inFlight++;
    return () => {
      this.#inFlight--;
    };
  }

  #isTooLate(kind: 'read' | 'command'): boolean {
    if (this.limits.maxLoopDelayMs === 0) return false;
    const now = this.loop.now();
    this.#measure(now);
    if (!this.#isOverloaded || this.#turnAt === undefined) return false;
    const patience = kind === 'read' ? 1 : 2;
    return now - this.#turnAt > this.limits.maxLoopDelayMs * patience;
  }

  #measure(now: number): void {
    if (this.#turnAt !== undefined || now - this.#measuredAt < measureEveryMs) return;
    this.#turnAt = now;
    this.loop.afterThisTurn(() => this.#turnIsOver(now));
  }

  #turnIsOver(beganAt: number): void {
    const now = this.loop.now();
    this.#turnAt = undefined;
    this.#measuredAt = now;
    if (now - beganAt > this.limits.maxLoopDelayMs) {
      this.#lateTurns++;
      this.#lateAt = now;
      if (this.#lateTurns >= 2 && now - this.#onTimeAt >= overloadedAfterMs) this.#isOverloaded = true;
    } else {
      this.#lateTurns = 0;
      this.#onTimeAt = now;
      if (now - this.#lateAt >= calmAfterMs) this.#isOverloaded = false;
    }
  }
}

/** Puts the gate before everything that costs something: add it before other hooks. */
export function shedLoad(fastify: FastifyInstance, gate: LoadGate): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { load, operatorsOnly } = request.routeOptions.config ?? {};
    if (load === 'essential' || operatorsOnly) return done();
    const leave = gate.enter(kindOf(request));
    if (!leave) return turnAway(request, reply);
    // A stream lasts for hours and is counted elsewhere: only its beginning is work.
    if (load === 'stream') leave();
    else reply.raw.once('close', leave);
    done();
  });
  fastify.addHook('onClose', (_, done) => {
    gate.close();
    done();
  });
}

function kindOf({ method }: FastifyRequest): 'read' | 'command' {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'command';
}

/** Those turned away together must not come back together. */
const waits = [1, 2, 3].map((seconds) => ({
  seconds,
  problem: new ApiProblem(
    'busy',
    `More people are asking than can be served: try again in ${seconds} seconds.`,
  ),
}));

/** Answers past everything that other replies go through: what is turned away by the thousand must cost little. */
function turnAway(request: FastifyRequest, reply: FastifyReply): void {
  const wait = waits[Math.floor(Math.random() * waits.length)];
  if (!wait) throw new Error('there is always a wait');
  const body = JSON.stringify(wait.problem.toDocument(pathOf(request), request.id));
  request.isTurnedAway = true;
  reply.hijack();
  reply.raw
    .writeHead(wait.problem.status, {
      'X-Request-Id': request.id,
      'Content-Type': problemMediaType,
      'Content-Length': Buffer.byteLength(body),
      ...retryAfter(wait.seconds),
    })
    .end(body);
}
