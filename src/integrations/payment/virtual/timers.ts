/** Where delays come from; a test puts its own in its place. */
export interface TimerSource {
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  setTimer(delayMs: number, run: () => void): () => void;
}

export const systemTimers: TimerSource = {
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Everything this server has put off: bounded, and cancelled together when it closes. */
export class PendingTimers {
  private readonly cancels = new Set<() => void>();
  private closed = false;

  /** @param max timers that may be pending at a time. */
  constructor(
    private readonly source: TimerSource,
    private readonly max: number,
  ) {}

  get full(): boolean {
    return this.closed || this.cancels.size >= this.max;
  }

  /** Calls `run` after `delayMs`, unless closed before. False when full or closed: `run` is never called. */
  after(delayMs: number, run: () => void): boolean {
    if (this.full) return false;
    const cancel = this.source.setTimer(delayMs, () => {
      this.cancels.delete(cancel);
      run();
    });
    this.cancels.add(cancel);
    return true;
  }

  close(): void {
    this.closed = true;
    for (const cancel of this.cancels) cancel();
    this.cancels.clear();
  }
}
