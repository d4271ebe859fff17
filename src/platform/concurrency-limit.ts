/** As many tasks are running and waiting as may. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** Runs at most `maxRunning` tasks at a time; up to `maxWaiting` more wait, first come first served. */
export class ConcurrencyLimit {
  #running = 0;
  /** In order of arrival; a Set, so that a task that gives up is removed at once. */
  readonly #waiting = new Set<() => void>();

  /** @param maxWaiting default no limit. */
  constructor(
    private readonly maxRunning: number,
    private readonly maxWaiting = Number.POSITIVE_INFINITY,
  ) {}

  /**
   * Runs `task` as soon as fewer than `maxRunning` run, and returns its result.
   * @param signal ends the wait: a task that has not begun is then never run.
   * @throws {TooManyWaiting} at once when `maxWaiting` tasks wait; the signal's reason; or what the task throws.
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.maxRunning) await this.#turn(signal);
    else this.#running++;
    try {
      return await task();
    } finally {
      this.#passOn();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.maxWaiting) {
      throw new TooManyWaiting(`${this.maxRunning} running and ${this.maxWaiting} waiting already`);
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(start);
        reject(signal?.reason);
      };
      this.#waiting.add(start);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** A task has ended: the next one takes its place, so that `#running` stays as it is. */
  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
