import type { Command } from '@nestjs/cqrs';

/** Where processes send commands: the command bus fits. */
export interface Commands {
  execute<Result>(command: Command<Result>): Promise<Result>;
}

/** What a process needs of a logger; pino's fits. */
export interface ProcessLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

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

/** Further causes of a failure are not logged. */
const maxCauses = 20;

/** Logs when something begins to fail, each further cause, and when it works again, however often it is repeated. */
export class FailureLog {
  readonly #causes = new Set<string>();

  constructor(
    private readonly log: ProcessLog,
    private readonly name: string,
    private readonly messages: {
      readonly level: 'warn' | 'error';
      readonly failed: string;
      readonly worked: string;
    },
  ) {}

  /** @param details what else to log when the cause is new. */
  failed(error: unknown, details: object = {}): void {
    const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (this.#causes.has(cause) || this.#causes.size >= maxCauses) return;
    this.#causes.add(cause);
    const { level, failed } = this.messages;
    this.log[level]({ ...details, err: error, process: this.name }, failed);
  }

  worked(): void {
    if (this.#causes.size === 0) return;
    this.#causes.clear();
    this.log.info({ process: this.name }, this.messages.worked);
  }
}

/** Runs work periodically, never twice at the same time. After a failed run the next one follows as usual. */
export class PeriodicTask {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #failures: FailureLog;
  #hasFailed = false;
  #isWanted = false;

  /**
   * @param work should end soon after its signal is aborted: the next run, in any process, does what it leaves.
   * @param intervalMs pause between the end of a run and the start of the next.
   * @param lease shared by processes with the same task: a run in one of them is a run for all.
   */
  constructor(
    private readonly name: string,
    private readonly intervalMs: number,
    private readonly work: (stopping: AbortSignal) => Promise<void>,
    log: ProcessLog,
    private readonly lease?: RoundLease,
  ) {
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
   * For use in a run: works on each item, `atOnce` at the same time, until the task is stopped. An item that fails does
   * not keep the others waiting; the run counts as failed.
   */
  async forEach<Item>(
    items: readonly Item[],
    work: (item: Item) => Promise<unknown>,
    { atOnce = 1 }: { readonly atOnce?: number } = {},
  ): Promise<void> {
    // All lanes share one iterator: each takes the next item when it is done with one.
    const waiting = items.values();
    const lane = async () => {
      for (const item of waiting) {
        if (this.#isStopped) return;
        try {
          await work(item);
        } catch (error) {
          this.#failed(error, { item });
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }

  /** For runs that only end by failing: they work now. */
  reportWorking(): void {
    this.#failures.worked();
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
    const waitMs = this.lease ? await this.lease.claim(this.name, this.intervalMs) : 0;
    return waitMs === 0 ? this.#run() : Math.min(waitMs, this.intervalMs);
  }

  async #run(): Promise<number> {
    this.#isWanted = false;
    this.#hasFailed = false;
    try {
      await this.work(this.#stopping.signal);
      if (!this.#hasFailed && !this.#isStopped) this.#failures.worked();
    } catch (error) {
      this.#failed(error, {});
    }
    return this.intervalMs;
  }

  #failed(error: unknown, details: object): void {
    // A run may end by throwing the reason it was stopped for.
    if (error === this.#stopping.signal.reason) return;
    this.#hasFailed = true;
    this.#failures.failed(error, details);
  }
}
