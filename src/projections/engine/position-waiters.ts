/** Callers waiting for a position; woken by progress, never by polling. */
export class PositionWaiters {
  private readonly waiters = new Set<{ position: number; settle: (reached: boolean) => void }>();

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
    });
  }

  reached(position: number): void {
    for (const waiter of this.waiters) if (waiter.position <= position) waiter.settle(true);
  }

  giveUp(): void {
    for (const waiter of this.waiters) waiter.settle(false);
  }
}
