import { setImmediate } from 'node:timers/promises';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { connectionOptions, OutageLog, type RedisLink } from '../../platform/redis.js';
import { within } from '../../platform/within.js';

import type { ProcessLog } from '../ports.js';
import type { Deadline, OnDue } from '../timers.js';
import { deadlineOf } from './deadline-jobs.js';
import { queueName } from './deadline-queue.js';

export interface WorkerSettings {
  /** Deadlines acted on at the same time by this process. */
  readonly concurrency: number;
  /** How long a process may be silent before another takes over what it was doing. */
  readonly lockMs: number;
  /** How often that is looked for. */
  readonly stalledCheckMs: number;
  /** Longest wait at the end for what is under way. */
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
  readonly #running = new Set<Promise<void>>();
  #isStopping = false;

  constructor(
    link: RedisLink,
    private readonly onDue: OnDue,
    private readonly log: ProcessLog,
    private readonly settings: WorkerSettings,
  ) {
    // Blocking reads wait for Redis to come back, so they need a connection unlike the link's.
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
    this.#worker
      .run()
      .catch((error: unknown) =>
        this.log.error({ err: error }, 'no deadlines come from Redis any more; the sweeper goes on'),
      );
  }

  /** Ends within a bound, whether Redis answers or not. What was not finished stays in the queue. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#worker.pause(true);
    await bounded(this.settings.stopTimeoutMs, Promise.all(this.#running));
    // BullMQ sends the results right after; what is asked last is answered last.
    await setImmediate();
    if (this.#client.status === 'ready') await bounded(closeStepMs, this.#client.ping());
    await bounded(closeStepMs, this.#worker.close(true));
    this.#client.disconnect();
  }

  async #process(job: Job): Promise<void> {
    // Fetched while stopping: it stays locked in the queue, and another process takes it over.
    if (this.#isStopping) throw new Error('this process is stopping');
    const running = this.onDue(parse(job));
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(settled);
    try {
      await running;
    } finally {
      this.#running.delete(settled);
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

/** Redis was emptied while it was acted on, or another process has taken it over: there is nothing to finish. */
function isOfLostJob(error: Error): boolean {
  return /^Missing (key|lock) for job/.test(error.message);
}

function parse(job: Job): Deadline {
  try {
    return deadlineOf(job.data);
  } catch (error) {
    throw new UnrecoverableError(`the job ${job.id} is no deadline: ${String(error)}`);
  }
}

/** Waits for `work` to end, in whatever way, for `timeoutMs` at most. */
async function bounded(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  await within(timeoutMs, 'it', work).catch(() => undefined);
}
