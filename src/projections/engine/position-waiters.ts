/** Callers waiting for a position; woken by progress, never by polling. */
export class PositionWaiters {
  private readonly waiters = new Set<{ position: number; settle: (reached: boolean) => void }>();
  private wake: (() => void) | undefined;

  /**
   * Resolves true when `reached` is called with `position` or more, false after `timeoutMs`, when `signal`
   * aborts, or when the wait is given up.
   */
  wait(position: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<boolean> {
    const { timeoutMs, signal } = options;
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        this.waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        resolve(reached);
      };
      const giveUp = (): void => settle(false);
      const waiter = { position, settle };
      const timer = setTimeout(giveUp, timeoutMs);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.waiters.add(waiter);
      this.wake?.();
    });
  }

  /** Resolves after `ms`, or as soon as somebody waits: the time in which more work may gather. */
  async idle(ms: number): Promise<void> {
    if (this.isAnyone) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }

  get isAnyone(): boolean {
    return this.waiters.size > 0;
  }

  reached(position: number): void {
    for (const waiter of this.waiters) if (waiter.position <= position) waiter.settle(true);
  }

  giveUp(): void {
    this.wake?.();
    for (const waiter of this.waiters) waiter.settle(false);
  }
}
