import type { Clock } from '../../platform/clock.js';
import type { RedisLink } from '../../platform/redis.js';
import type { ProcessLog } from '../ports.js';
import type { Deadline, LiveDeadlines, OnDue, Timers } from '../timers.js';
import { DeadlineQueue } from './deadline-queue.js';
import { DeadlineWorker, type WorkerSettings } from './deadline-worker.js';
import { RestoreMark } from './restore-mark.js';

const defaultSettings: WorkerSettings = {
  concurrency: 16,
  lockMs: 10_000,
  stalledCheckMs: 5_000,
  stopTimeoutMs: 5_000,
};

/**
 * Timers that several processes share: delayed jobs of BullMQ in Redis. Each process schedules what it sees;
 * one deadline is one job, and whichever process is free acts on it.
 */
export class BullTimers implements Timers {
  readonly #queue: DeadlineQueue;
  readonly #mark: RestoreMark;
  readonly #settings: WorkerSettings;
  #worker: DeadlineWorker | undefined;
  #hasDropped = false;

  /** @param link stays the caller's to close, after {@link stop}. */
  constructor(
    private readonly link: RedisLink,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    settings: Partial<WorkerSettings> = {},
  ) {
    this.#settings = { ...defaultSettings, ...settings };
    this.#queue = new DeadlineQueue(link, clock, log);
    this.#mark = new RestoreMark(link);
  }

  /** Deadlines this process could not schedule so far. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  async start(onDue: OnDue): Promise<void> {
    this.#worker = new DeadlineWorker(this.link, onDue, this.log, this.#settings);
  }

  async schedule(deadlines: readonly Deadline[]): Promise<void> {
    if (!(await this.#queue.add(deadlines))) this.#hasDropped = true;
  }

  async restore(live: LiveDeadlines): Promise<void> {
    if (this.#hasDropped && (await this.#mark.clear())) this.#hasDropped = false;
    if (!(await this.#mark.begin())) return;
    let restored = 0;
    for await (const page of live()) {
      // What is due already is the sweeper's.
      const now = this.clock.now();
      const ahead = page.filter(({ dueAt }) => dueAt > now);
      await this.schedule(ahead);
      restored += ahead.length;
      // The next call begins again.
      if (this.#hasDropped || !(await this.#mark.goOn())) return;
    }
    if (await this.#mark.complete()) this.log.info({ restored }, 'timers are complete in Redis');
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.stop();
    await this.#queue.close();
  }
}
