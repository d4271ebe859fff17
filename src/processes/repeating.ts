import type { ProcessLog } from './ports.js';

/** Runs work again and again, never twice at the same time; a failed run is logged and the next one follows. */
export class Repeating {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isWanted = false;

  /**
   * @param intervalMs pause between the end of a run and the start of the next.
   */
  constructor(
    private readonly name: string,
    private readonly intervalMs: number,
    private readonly work: () => Promise<void>,
    private readonly log: ProcessLog,
  ) {}

  /** Starts with a run at once. */
  start(): void {
    this.runSoon();
  }

  /** Runs now, or once more after the run under way. */
  runSoon(): void {
    if (this.#isStopped) return;
    if (this.#running) {
      this.#isWanted = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#run();
  }

  /** No run starts any more; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    do {
      this.#isWanted = false;
      try {
        await this.work();
      } catch (error) {
        this.log.error({ err: error, process: this.name }, 'a process failed; it runs again');
      }
    } while (this.#isWanted && !this.#isStopped);
    this.#running = undefined;
    if (!this.#isStopped) this.#timer = setTimeout(() => this.runSoon(), this.intervalMs);
  }
}
