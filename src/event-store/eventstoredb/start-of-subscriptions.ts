import { setTimeout as sleep } from 'node:timers/promises';
import { type Position, StoreUnavailable, type SubscribeOptions } from '../port.js';
import { backoffMs } from './backoff.js';
import type { Reader } from './reader.js';

/**
 * Finds out where subscriptions "from the end" begin. That is before whatever this process appends afterwards,
 * so appends wait until it is known.
 */
export class StartOfSubscriptions {
  private readonly pending = new Set<Promise<void>>();

  constructor(private readonly reader: Reader) {}

  /** Whether an append has to wait. */
  get isPending(): boolean {
    return this.pending.size > 0;
  }

  /** Resolves when no subscription's start is unknown any more. */
  async known(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  /**
   * The position to begin after; undefined when the subscription is stopped before it is known.
   * @param isStopped Whether the subscription is no longer wanted.
   */
  of(after: SubscribeOptions['after'], isStopped: () => boolean): Promise<Position | 'start' | undefined> {
    if (after !== 'end') return Promise.resolve(after);
    const start = this.end(isStopped);
    const settled: Promise<void> = start.then(
      () => this.forget(settled),
      () => this.forget(settled),
    );
    this.pending.add(settled);
    return start;
  }

  private forget(settled: Promise<void>): void {
    this.pending.delete(settled);
  }

  private async end(isStopped: () => boolean): Promise<Position | 'start' | undefined> {
    for (let failures = 1; ; failures++) {
      try {
        return (await this.reader.head()) ?? 'start';
      } catch (error) {
        if (isStopped()) return undefined;
        if (!(error instanceof StoreUnavailable)) throw error;
        await sleep(backoffMs(failures, 50, 1_000));
      }
    }
  }
}
