import type { ProcessLog } from './ports.js';
import type { Turns } from './turns.js';

/** Runs work again and again, never twice at the same time; a failed run is logged and the next one follows. */
export class Repeating {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #isWanted = false;

  /**
   * @param work is told when it should come to an end: what it leaves is taken up by the next run, anywhere.
   * @param intervalMs pause between the end of a run and the start of the next.
   * @param turns with them, processes that repeat the same work take turns: a run of one is a run of all.
   */
  constructor(
    private readonly name: string,
    private readonly intervalMs: number,
    private readonly work: (stopping: AbortSignal) => Promise<void>,
    private readonly log: ProcessLog,
    private readonly turns?: Turns,
  ) {}

  /** Starts with a run at once, if it is this process's turn. */
  start(): void {
    this.#begin(() => this.#runInTurn());
  }

  /** Runs now, whoever's turn it is, or once more after the run under way. */
  runSoon(): void {
    if (this.#running) this.#isWanted = true;
    else this.#begin(() => this.#run());
  }

  /** No run starts any more; resolves when the one under way has ended, which it is told to do. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
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

  /** @returns how long to pause then. */
  async #runInTurn(): Promise<number> {
    const waitMs = this.turns ? await this.turns.claim(this.name, this.intervalMs) : 0;
    return waitMs === 0 ? this.#run() : Math.min(waitMs, this.intervalMs);
  }

  async #run(): Promise<number> {
    this.#isWanted = false;
    try {
      await this.work(this.#stopping.signal);
    } catch (error) {
      if (error === this.#stopping.signal.reason) return this.intervalMs;
      this.log.error({ err: error, process: this.name }, 'a process failed; it runs again');
    }
    return this.intervalMs;
  }
}

/** Works on one item after the other, until told to stop. */
export async function untilStopped<Item>(
  stopping: AbortSignal,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (const item of items) {
    if (stopping.aborted) return;
    await work(item);
  }
}
