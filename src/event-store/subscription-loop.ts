import type { Position, RecordedEvent, SubscribeOptions, Subscription, SubscriptionBatch } from './port.js';

/** A stretch of the log as a subscription consumes it. */
export interface LogPage {
  /** Matching events in log order. */
  readonly events: readonly RecordedEvent[];
  /** Everything up to here is in `events`, was delivered before, or does not match. */
  readonly position: number;
}

/** Where a subscription's events come from. Position 0 lies before the first event. */
export interface LogSource {
  /** Position of the newest committed event, 0 in an empty log. */
  head(): number;
  /** The next stretch after a position: at most `limit` matching events, none beyond `head()`. */
  pageAfter(after: number, categories: ReadonlySet<string> | undefined, limit: number): LogPage;
  /** Lets other work run between two pages of a long catch-up. */
  breathe(): Promise<void>;
}

const defaultBatchSize = 512;
const maxBatchSize = 4096;
const maxCategories = 64;

/**
 * Drives one handler along the log: asks its source for the stretch behind its own cursor, hands it over,
 * waits, repeats; sleeps at the end of the log until woken. It keeps no queue, so a slow handler costs no memory.
 *
 * The handler is also called with no events when only others' were committed, so that its position keeps up
 * with the log.
 */
export class SubscriptionLoop implements Subscription {
  readonly done: Promise<void>;
  private cursor: number;
  private stopped = false;
  private sleeping: (() => void) | undefined;

  /**
   * @param ended Called once the handler will not be called again, before `done` settles.
   * @throws {RangeError} when the batch size is outside 1 … 4096 or there are more than 64 categories.
   */
  constructor(
    private readonly source: LogSource,
    options: SubscribeOptions,
    private readonly handler: (batch: SubscriptionBatch) => Promise<void>,
    private readonly ended: (loop: SubscriptionLoop) => void,
  ) {
    const batchSize = options.batchSize ?? defaultBatchSize;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1 || batchSize > maxBatchSize) {
      throw new RangeError(`a batch holds 1 to ${maxBatchSize} events, not ${batchSize}`);
    }
    if (options.categories !== undefined && options.categories.length > maxCategories) {
      throw new RangeError(`a filter takes up to ${maxCategories} categories`);
    }
    this.cursor = startOf(options.after, source);
    const categories = options.categories === undefined ? undefined : new Set(options.categories);
    this.done = this.run(categories, batchSize).finally(() => this.ended(this));
  }

  /** Says that the log has grown. */
  wake(): void {
    this.sleeping?.();
    this.sleeping = undefined;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    // Whoever watches `done` learns why the subscription ended; stopping it is then no failure.
    await this.done.catch(() => undefined);
  }

  private async run(categories: ReadonlySet<string> | undefined, batchSize: number): Promise<void> {
    // The caller gets the Subscription before its handler first runs.
    await Promise.resolve();
    while (!this.stopped) {
      if (this.cursor >= this.source.head()) {
        await new Promise<void>((resolve) => {
          this.sleeping = resolve;
        });
        continue;
      }
      const { events, position } = this.source.pageAfter(this.cursor, categories, batchSize);
      this.cursor = position;
      const caughtUp = position >= this.source.head();
      // A long stretch of others' events is not worth a call per page.
      if (events.length > 0 || caughtUp) {
        await this.handler({ events, position: asPosition(position), caughtUp });
      }
      if (!caughtUp) await this.source.breathe();
    }
  }
}

function startOf(after: SubscribeOptions['after'], source: LogSource): number {
  if (after === 'start') return 0;
  return after === 'end' ? source.head() : after;
}

/** The number an embedded engine counts events with is their position. */
export function asPosition(position: number): Position {
  return position as Position;
}
