import {
  asPosition,
  type RecordedEvent,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from './port.js';
import { resolveSubscribe } from './reading.js';

/** A part of the log, as a subscription hands it over. */
export interface LogPage {
  /** Matching events in log order. */
  readonly events: readonly RecordedEvent[];
  /** Everything up to here is in `events`, was delivered before, or does not match. */
  readonly position: number;
}

/** The source of a subscription's events. Position 0 is before the first event. */
export interface LogSource {
  /** Position of the newest committed event, 0 in an empty log. */
  head(): number;
  /** The next part after a position: at most `limit` matching events, none after `head()`. */
  pageAfter(after: number, categories: ReadonlySet<string> | undefined, limit: number): LogPage;
  /** Lets other work run between two pages of a long catch-up. */
  nextTurn(): Promise<void>;
}

/**
 * Reads the pages after its cursor and passes them to the handler, one at a time; waits at the end of the log until it
 * is woken. It has no queue, so a slow handler costs no memory.
 *
 * The handler is also called without events when only events of other categories were committed, so that its position
 * keeps up with the log.
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
    const { after, categories, batchSize } = resolveSubscribe(options);
    this.cursor = startOf(after, source);
    this.done = this.run(categories && new Set(categories), batchSize).finally(() => this.ended(this));
  }

  /** Call it when the log has grown. */
  wake(): void {
    this.sleeping?.();
    this.sleeping = undefined;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    // `done` reports the error that ended the subscription; stop() does not fail because of it.
    await this.done.catch(() => undefined);
  }

  private async run(categories: ReadonlySet<string> | undefined, batchSize: number): Promise<void> {
    // The caller has the Subscription before its handler runs for the first time.
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
      // Pages without matching events are not handed over one by one.
      if (events.length > 0 || caughtUp) {
        await this.handler({ events, position: asPosition(position), caughtUp });
      }
      if (!caughtUp) await this.source.nextTurn();
    }
  }
}

function startOf(after: SubscribeOptions['after'], source: LogSource): number {
  if (after === 'start') return 0;
  return after === 'end' ? source.head() : after;
}
