import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { type Job, type JobsOptions, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { holdIdSchema, instantSchema, performanceIdSchema, tokenIdSchema } from '../../events/ids.js';
import type { Clock } from '../../platform/clock.js';
import { FailureLog, type ProcessLog } from '../../platform/failure-log.js';
import { connectionOptions, OutageLog, type RedisLink } from '../../platform/redis.js';
import { within } from '../../platform/within.js';
import { type Deadline, nameOf, type OnDue } from '../timers.js';

const due = { dueAt: instantSchema };
const deadlineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hold'), tokenId: tokenIdSchema, holdId: holdIdSchema, ...due }),
  z.object({
    kind: z.literal('token'),
    tokenId: tokenIdSchema,
    status: z.enum(['admitted', 'entered']),
    ...due,
  }),
  z.object({ kind: z.literal('claims'), performanceId: performanceIdSchema, from: z.number().int(), ...due }),
]);

/**
 * One id for one deadline in all processes. The time is part of it, since a job keeps the delay it was added with: a
 * later deadline of the same token is another job.
 */
function jobIdOf(deadline: Deadline): string {
  return `${nameOf(deadline)}-${Date.parse(deadline.dueAt)}`;
}

/** The deadline that a job carries. @throws {z.ZodError} when it carries something else. */
function deadlineOf(data: unknown): Deadline {
  return deadlineSchema.parse(data);
}

/** The queue's name in Redis. */
export const queueName = 'deadlines';

/** Jobs sent to Redis at once. */
const chunkSize = 500;
/** Longest wait for one chunk. */
const addTimeoutMs = 2_000;
/** Entries that BullMQ keeps of what happened to jobs; they are not used. */
const maxEvents = 1_000;

const jobOptions: JobsOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 500 },
  // A kept job would silently swallow the same deadline when it is scheduled again.
  removeOnComplete: true,
  removeOnFail: true,
};

/** Puts deadlines into the queue as delayed jobs. */
export class DeadlineQueue {
  #queue: Queue | undefined;
  #dropped = 0;
  #isDropping = false;

  constructor(
    private readonly link: RedisLink,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
  ) {}

  /** Deadlines that were not scheduled because Redis was away: the sweeper acts on them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Never fails, and waits a bounded time. @returns whether all of them are in the queue. */
  async add(deadlines: readonly Deadline[]): Promise<boolean> {
    let isComplete = true;
    for (let first = 0; first < deadlines.length; first += chunkSize) {
      const chunk = deadlines.slice(first, first + chunkSize);
      const isAdded = await this.link.attempt(
        (client) => this.#addChunk(client, chunk),
        () => false,
        addTimeoutMs,
      );
      this.#count(isAdded, chunk.length);
      isComplete &&= isAdded;
    }
    return isComplete;
  }

  async close(): Promise<void> {
    // Closes no connection: that is the link's.
    await this.#queue?.close();
  }

  async #addChunk(client: Redis, chunk: readonly Deadline[]): Promise<boolean> {
    const queue = await this.#ready(client);
    const nowMs = this.clock.nowMs();
    await queue.addBulk(
      chunk.map((deadline) => ({
        name: deadline.kind,
        data: deadline,
        opts: {
          ...jobOptions,
          jobId: jobIdOf(deadline),
          timestamp: nowMs,
          delay: Math.max(0, Date.parse(deadline.dueAt) - nowMs),
        },
      })),
    );
    return true;
  }

  /** BullMQ's queue; one that could not start never will, so the next call makes another. */
  async #ready(client: Redis): Promise<Queue> {
    if (this.#queue) return this.#queue;
    const queue = new Queue(queueName, {
      connection: client,
      prefix: this.link.prefix,
      streams: { events: { maxLen: maxEvents } },
    });
    // The link reports errors of the connection; those of calls reach the caller.
    queue.on('error', () => undefined);
    await queue.waitUntilReady();
    this.#queue = queue;
    return queue;
  }

  #count(isAdded: boolean, deadlines: number): void {
    if (!isAdded) this.#dropped += deadlines;
    if (isAdded !== this.#isDropping) return;
    this.#isDropping = !isAdded;
    const details = { droppedSoFar: this.#dropped };
    if (isAdded) this.log.info(details, 'deadlines are scheduled again');
    else this.log.warn(details, 'deadlines are not scheduled while Redis is away; the sweeper acts on them');
  }
}

export interface WorkerSettings {
  /** Deadlines acted on at the same time by this process. */
  readonly concurrency: number;
  /** How long a process may be silent before another takes over what it was doing. */
  readonly lockMs: number;
  /** How often silent processes are looked for. */
  readonly stalledCheckMs: number;
  /** Longest wait at the end for deadlines being acted on. */
  readonly stopTimeoutMs: number;
}

/** Longest pause before the worker asks again after its connection failed. */
const retryMs = 1_000;
/** Longest wait for single steps of closing. */
const closeStepMs = 1_000;

/** Takes due deadlines from the queue and acts on them. */
export class DeadlineWorker {
  readonly #client: Redis;
  readonly #worker: Worker;
  readonly #acting = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  readonly #stopping = new AbortController();

  constructor(
    link: RedisLink,
    private readonly onDue: OnDue,
    private readonly log: ProcessLog,
    private readonly settings: WorkerSettings,
  ) {
    // Blocking reads wait until Redis is back, so they need a connection with other settings than the link's.
    this.#client = new Redis(link.url, { ...connectionOptions, maxRetriesPerRequest: null });
    this.#worker = new Worker(queueName, (job) => this.#process(job), {
      connection: this.#client,
      prefix: link.prefix,
      concurrency: settings.concurrency,
      lockDuration: settings.lockMs,
      stalledInterval: settings.stalledCheckMs,
      runRetryDelay: retryMs,
      autorun: false,
    });
    this.#watchConnection();
    this.#worker.on('failed', (job, error) => {
      // Other failures are logged where they happen, and tried again.
      if (error instanceof UnrecoverableError)
        log.warn({ err: error, deadline: job?.data }, 'a deadline is given up; the sweeper acts on it');
    });
    this.#worker.on('stalled', (jobId) =>
      this.log.warn({ jobId }, 'a deadline is taken over from another process'),
    );
    this.#running = this.#run();
  }

  /** Ends within a bound, also while Redis is away. Unfinished deadlines stay in the queue. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#worker.pause(true);
    await bounded(this.settings.stopTimeoutMs, Promise.all(this.#acting));
    // BullMQ sends the results right after; Redis answers in order, so the ping comes back after them.
    await setImmediate();
    if (this.#client.status === 'ready') await bounded(closeStepMs, this.#client.ping());
    await bounded(closeStepMs, this.#worker.close(true));
    await bounded(closeStepMs, this.#running);
    this.#client.disconnect();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Has BullMQ take jobs until it is stopped; its loop may end by an error, and is then started again. */
  async #run(): Promise<void> {
    const failures = new FailureLog(this.log, 'deadlines', {
      level: 'error',
      failed: 'no deadlines are taken from Redis; it is tried again, and the sweeper goes on',
      worked: 'deadlines are taken from Redis again',
    });
    this.#worker.on('active', () => failures.worked());
    while (!this.#isStopping) {
      try {
        await this.#worker.run();
        if (this.#isStopping) return;
        throw new Error('the worker has ended');
      } catch (error) {
        failures.failed(error);
        await delay(retryMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  async #process(job: Job): Promise<void> {
    // A job fetched while stopping stays locked in the queue, and another process takes it over.
    if (this.#isStopping) throw new Error('this process is stopping');
    const running = this.onDue(parse(job));
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#acting.add(settled);
    try {
      await running;
    } finally {
      this.#acting.delete(settled);
    }
  }

  #watchConnection(): void {
    const outage = new OutageLog(this.log, 'deadlines do not come from Redis; the sweeper goes on');
    this.#client.on('ready', () => outage.recovered());
    this.#client.on('error', (error) => outage.failed(error));
    this.#client.on('close', () => {
      if (!this.#isStopping) outage.failed(new Error('the connection was closed'));
    });
    this.#worker.on('error', (error) => {
      if (this.#isStopping || isOfLostJob(error)) return;
      if ('syscall' in error || this.#client.status !== 'ready') outage.failed(error);
      else this.log.warn({ err: error }, 'a worker on Redis had an error');
    });
  }
}

/** Redis was emptied while the job ran, or another process has taken it over: there is nothing to finish. */
function isOfLostJob(error: Error): boolean {
  return /^Missing (key|lock) for job/.test(error.message);
}

function parse(job: Job): Deadline {
  try {
    return deadlineOf(job.data);
  } catch (error) {
    throw new UnrecoverableError(`the job ${job.id} is not a deadline: ${String(error)}`);
  }
}

/** Waits until `work` has succeeded or failed, for `timeoutMs` at most. */
async function bounded(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  await within(timeoutMs, 'it', work).catch(() => undefined);
}
