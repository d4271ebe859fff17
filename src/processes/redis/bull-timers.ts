import { randomUUID } from 'node:crypto';
import type { Clock } from '../../platform/clock.js';
import type { ProcessLog } from '../../platform/failure-log.js';
import { type RedisLink, RedisScript } from '../../platform/redis.js';
import type { Deadline, LiveDeadlines, OnDue, Timers } from '../timers.js';
import { DeadlineQueue, DeadlineWorker, type WorkerSettings } from './deadline-jobs.js';

/** How long a process may be silent while it restores before another begins. */
const restoringTtlMs = 30_000;
/**
 * How long the timers count as complete: then they are scheduled again, in case Redis came back from an old
 * snapshot, which looks complete.
 */
const completeTtlMs = 10 * 60_000;

const replaceIfSame = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/**
 * A key in the same Redis as the timers, so that it is lost with them: while it is missing, timers are missing.
 * One process at a time restores them. Every method returns false while Redis is away.
 */
class RestoreMark {
  /** The key's value while this process restores. */
  readonly #mine = `restoring ${randomUUID()}`;
  readonly #key: string;

  constructor(private readonly link: RedisLink) {
    this.#key = link.key('deadlines-complete');
  }

  /** @returns whether timers may be missing and it is this process that restores them. */
  begin(): Promise<boolean> {
    return this.#ask(
      async (client) => (await client.set(this.#key, this.#mine, 'PX', restoringTtlMs, 'NX')) === 'OK',
    );
  }

  /** @returns false when Redis was emptied meanwhile: what was restored before is lost again. */
  goOn(): Promise<boolean> {
    return this.#replace(this.#mine, restoringTtlMs);
  }

  complete(): Promise<boolean> {
    return this.#replace('complete', completeTtlMs);
  }

  /** Timers are missing. */
  clear(): Promise<boolean> {
    return this.#ask(async (client) => (await client.del(this.#key)) >= 0);
  }

  #replace(value: string, ttlMs: number): Promise<boolean> {
    return this.#ask(
      async (client) => (await replaceIfSame.run(client, this.#key, this.#mine, value, ttlMs)) === 1,
    );
  }

  #ask(question: Parameters<typeof this.link.attempt<boolean>>[0]): Promise<boolean> {
    return this.link.attempt(question, () => false);
  }
}

const defaultSettings: WorkerSettings = {
  concurrency: 16,
  lockMs: 10_000,
  stalledCheckMs: 5_000,
  stopTimeoutMs: 5_000,
};

/**
 * Timers that several processes share: delayed jobs of BullMQ in Redis. Each process schedules the deadlines it sees; one
 * deadline is one job, and any free process acts on it.
 */
export class BullTimers implements Timers {
  readonly #queue: DeadlineQueue;
  readonly #mark: RestoreMark;
  readonly #settings: WorkerSettings;
  #worker: DeadlineWorker | undefined;
  #hasDropped = false;

  /** @param link to be closed by the caller, after {@link stop}. */
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
      // The sweeper ends what is due already.
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
