import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiProblem, retryAfter } from './problem.js';

export interface LoadLimits {
  /** Requests under way at the same time; more are turned away. Event streams have a limit of their own. */
  readonly maxInFlight: number;
  /**
   * How late, in ms, the event loop may run while the process is overloaded: a request that comes later than
   * this after the last turn began is turned away; a command at twice as late. 0: never.
   */
  readonly maxLoopDelayMs: number;
}

/** How often a turn of the event loop is looked for. */
const tickMs = 10;
/** A process that has been late for so long, in two turns at least, is overloaded: one pause is not. */
const overloadedAfterMs = 200;
/** It no longer is when it was never late, and turned nobody away, for so long. */
const calmAfterMs = 1_000;

/**
 * Turns requests away while this process can't keep up, so that those it takes are answered in time. A request
 * that waits costs as much as one that is answered; one turned away costs next to nothing.
 *
 * A timer tells how late the event loop is. When it has been late for some time, each turn of the loop takes
 * requests only until it has lasted `maxLoopDelayMs`; the rest of that turn's are turned away at once. That one
 * bad sample is not yet overload follows CoDel (Nichols and Jacobson, ACM Queue 10(5), 2012).
 */
export class LoadGate {
  #inFlight = 0;
  #refused = 0;
  #isOverloaded = false;
  #lateTicks = 0;
  #dueAt: number;
  #onTimeAt: number;
  #troubleAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds that only grow. */
  constructor(
    private readonly limits: LoadLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#onTimeAt = now();
    this.#dueAt = this.#onTimeAt + tickMs;
  }

  /** Whether requests are turned away at the moment. */
  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  /** Requests turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  start(): void {
    const tick = () => {
      this.tick();
      this.#timer = setTimeout(tick, tickMs).unref();
    };
    this.#timer ??= setTimeout(tick, tickMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** A turn of the event loop began. */
  tick(): void {
    const now = this.now();
    const isLate = now - this.#dueAt > this.limits.maxLoopDelayMs;
    this.#dueAt = now + tickMs;
    if (isLate) {
      this.#lateTicks++;
      this.#troubleAt = now;
      if (this.#lateTicks >= 2 && now - this.#onTimeAt >= overloadedAfterMs) this.#isOverloaded = true;
    } else {
      this.#lateTicks = 0;
      this.#onTimeAt = now;
      if (now - this.#troubleAt >= calmAfterMs) this.#isOverloaded = false;
    }
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
    if (!this.#isOverloaded || this.limits.maxLoopDelayMs === 0) return false;
    const now = this.now();
    const patience = kind === 'read' ? 1 : 2;
    if (now - this.#dueAt <= this.limits.maxLoopDelayMs * patience) return false;
    this.#troubleAt = now;
    return true;
  }
}

/** Puts the gate before everything that costs something: add it before other hooks. */
export function shedLoad(fastify: FastifyInstance, gate: LoadGate): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { load, operatorsOnly } = request.routeOptions.config ?? {};
    if (load === 'essential' || operatorsOnly) return done();
    const leave = gate.enter(kindOf(request));
    if (!leave) {
      request.isTurnedAway = true;
      return done(turnedAway());
    }
    // A stream lasts for hours and is counted elsewhere: only its beginning is work.
    if (load === 'stream') leave();
    else reply.raw.once('close', leave);
    done();
  });
  fastify.addHook('onReady', (done) => {
    gate.start();
    done();
  });
  fastify.addHook('onClose', (_, done) => {
    gate.stop();
    done();
  });
}

function kindOf({ method }: FastifyRequest): 'read' | 'command' {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'command';
}

function turnedAway(): ApiProblem {
  // Those turned away together must not come back together.
  const waitSeconds = 1 + Math.floor(Math.random() * 3);
  const detail = `More people are asking than can be served: try again in ${waitSeconds} seconds.`;
  return new ApiProblem('busy', detail, { headers: retryAfter(waitSeconds) });
}
