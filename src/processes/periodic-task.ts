import type { Command } from '@nestjs/cqrs';
import type { LiveSubscription } from '../event-store/live-subscription.js';
import type { Clock } from '../platform/clock.js';
import { FailureLog, type ProcessLog } from '../platform/failure-log.js';
import { ItemBackOff } from './item-back-off.js';

/** Where processes send commands: the command bus fits. */
export interface Commands {
  execute<Result>(command: Command<Result>): Promise<Result>;
}

/** The parts of a process whose failures are counted. */
export type ProcessParts = readonly (PeriodicTask | LiveSubscription)[];

/** Shares periodic work among processes: each round of it is run by one of them. */
export interface RoundLease {
  /**
   * Claims the next round of a task for this process.
   * @param task its name, the same in every process.
   * @param everyMs how long the round lasts: no other process gets one before it is over.
   * @returns 0 when this process has it, else the milliseconds until the round is over. Never fails: in doubt every
   * process has the round, since running one twice does no harm.
   */
  claim(task: string, everyMs: number): Promise<number>;
}

/** Default of {@link TaskSettings.maxRetryMs}. */
const usualMaxRetryMs = 60_000;

export interface TaskSettings {
  /** The same in every process. */
  readonly name: string;
  /** Pause between the end of a run and the start of the next, ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: ProcessLog;
  /** Shared by processes with the same task: a run in one of them is a run for all. */
  readonly lease?: RoundLease | undefined;
  /** How long a failing item is put off at most, ms; default a minute. It begins with `intervalMs`. */
  readonly maxRetryMs?: number;
  /** The level at which a failing item is logged; default error. */
  readonly itemLevel?: 'warn' | 'error';
}

/** Runs work periodically, never twice at the same time. After a failed run the next one follows as usual. */
export class PeriodicTask {
  readonly name: string;
  /** The items that fail. */
  readonly items: ItemBackOff;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #failures: FailureLog;
  #isWanted = false;

  /** @param work should end soon after its signal is aborted: the next run, in any process, does what it leaves. */
  constructor(
    private readonly settings: TaskSettings,
    private readonly work: (stopping: AbortSignal) => Promise<void>,
  ) {
    const { name, intervalMs, clock, log, maxRetryMs = usualMaxRetryMs, itemLevel } = settings;
    this.name = name;
    const delays = { firstMs: intervalMs, maxMs: Math.max(intervalMs, maxRetryMs) };
    this.items = new ItemBackOff(name, delays, clock, log, itemLevel);
    this.#failures = new FailureLog(log, name, {
      level: 'error',
      failed: 'a process fails; it runs again',
      worked: 'a process works again',
    });
  }

  /** Starts with a run at once, if this process gets the round. */
  start(): void {
    this.#begin(() => this.#runWithLease());
  }

  /** Runs now, without a lease, or once more after the run under way. */
  runSoon(): void {
    if (this.#running) this.#isWanted = true;
    else this.#begin(() => this.#run());
  }

  /** No run starts any more; resolves when the one under way has ended. Its signal is aborted. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Works on each item that is due, `atOnce` at the same time, until the task is stopped. An item that
   * fails does not keep the others waiting: it is put off, see {@link ItemBackOff}, and the others go on.
   * @param items all there are, at once or in pages; a run asks for the next page when it is done with one.
   * @param keyOf names an item in the log; the same in every run.
   * @throws what asking for a page fails with.
   */
  async forEach<Item>(
    items: Items<Item>,
    keyOf: (item: Item) => string,
    work: (item: Item) => Promise<unknown>,
    { atOnce = 1 }: { readonly atOnce?: number } = {},
  ): Promise<void> {
    // All lanes share one iterator: each takes the next item when it is done with one.
    const waiting = singly(items);
    const lane = async () => {
      for (;;) {
        const next = await waiting.next();
        if (next.done || this.#isStopped) return;
        const key = keyOf(next.value);
        if (this.items.isDue(key)) await this.#attempt(key, () => work(next.value));
      }
    };
    // A page that could not be read ends one lane; the run ends when the items of the others have.
    const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
    const failed = lanes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #begin(run: () => Promise<number>): void {
    if (this.#isStopped || this.#running) return;
    clearTimeout(this.#timer);
    this.#running = this.#runThenWait(run);
  }

  async #runThenWait(run: () => Promise<number>): Promise<void> {
    let pauseMs = await run();
    while (this.#isWanted && !this.#isStopped) pauseMs = await this.#run();
    this.#running = undefined;
    if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), pauseMs);
  }

  /** @returns the pause before the next run, ms. */
  async #runWithLease(): Promise<number> {
    const { name, intervalMs, lease } = this.settings;
    const waitMs = lease ? await lease.claim(name, intervalMs) : 0;
    return waitMs === 0 ? this.#run() : Math.min(waitMs, intervalMs);
  }

  async #run(): Promise<number> {
    this.#isWanted = false;
    try {
      await this.work(this.#stopping.signal);
      if (!this.#isStopped) this.#failures.worked();
    } catch (error) {
      if (!this.#isStopReason(error)) this.#failures.failed(error);
    }
    return this.settings.intervalMs;
  }

  async #attempt(key: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.items.worked(key);
    } catch (error) {
      if (!this.#isStopReason(error)) this.items.failed(key, error);
    }
  }

  /** A run may end by throwing the reason it was stopped for. */
  #isStopReason(error: unknown): boolean {
    return this.#isStopped && error === this.#stopping.signal.reason;
  }
}

/** A list, or its pages. */
type Items<Item> = readonly Item[] | AsyncIterable<readonly Item[]>;

async function* singly<Item>(items: Items<Item>): AsyncGenerator<Item> {
  if (Symbol.asyncIterator in items) for await (const page of items) yield* page;
  else yield* items;
}
