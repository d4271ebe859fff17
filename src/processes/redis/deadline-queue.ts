import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Clock } from '../../platform/clock.js';
import type { RedisLink } from '../../platform/redis.js';
import type { ProcessLog } from '../ports.js';
import type { Deadline } from '../timers.js';
import { jobIdOf } from './deadline-jobs.js';

/** The queue's name in Redis. */
export const queueName = 'deadlines';

/** Jobs sent to Redis at once. */
const chunkSize = 500;
/** Longest wait for one chunk. */
const addTimeoutMs = 2_000;
/** Entries that BullMQ keeps of what happened to jobs; nobody reads them. */
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
    // The connection is the link's: nothing is sent.
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

  /** BullMQ's queue; one that could not begin never will, so the next call makes another. */
  async #ready(client: Redis): Promise<Queue> {
    if (this.#queue) return this.#queue;
    const queue = new Queue(queueName, {
      connection: client,
      prefix: this.link.prefix,
      streams: { events: { maxLen: maxEvents } },
    });
    // Errors of the connection are the link's to report; those of calls reach the caller.
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
