/** Every place, running and waiting, is taken. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** Lets `maxRunning` tasks run at a time and `maxWaiting` more wait their turn, first come first served. */
export class ConcurrencyLimit {
  private running = 0;
  /** Insertion-ordered: the next to run comes first. */
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly maxRunning: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Runs `task` when a place is free and returns its result.
   * @throws {TooManyWaiting} at once when nobody else may wait.
   * @throws the signal's reason when it aborts before the task's turn; the task is then never run.
   */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.running >= this.maxRunning) await this.turn(signal);
    else this.running++;
    try {
      return await task();
    } finally {
      this.passOn();
    }
  }

  private turn(signal: AbortSignal): Promise<void> {
    if (this.waiting.size >= this.maxWaiting) {
      throw new TooManyWaiting(`${this.maxRunning} running and ${this.maxWaiting} waiting already`);
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.waiting.delete(start);
        reject(signal.reason);
      };
      this.waiting.add(start);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Hands the finished task's place to the next in line, so `running` stays as it is, or gives it up. */
  private passOn(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.running--;
      return;
    }
    this.waiting.delete(next);
    next();
  }
}
