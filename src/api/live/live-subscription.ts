import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { EventStore, Position, RecordedEvent, Subscription } from '../../event-store/port.js';

const firstBackOffMs = 100;
const maxBackOffMs = 5_000;

interface LiveSubscriber {
  /** Called once, with the log's newest position when following began; undefined: the log was empty. */
  started(head: Position | undefined): void;
  /** New events in log order. If it throws, following goes on after them. */
  follow(events: readonly RecordedEvent[], position: Position): void;
}

/** Follows new events of some categories until it is stopped; subscribes again after a failure. */
export class LiveSubscription {
  readonly #logger = new Logger('LiveSubscription');
  readonly #stopping = new AbortController();
  #after: Position | 'start' | undefined;
  #subscription: Subscription | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly categories: readonly string[],
    private readonly subscriber: LiveSubscriber,
  ) {}

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#subscription?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    let backOffMs = firstBackOffMs;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#subscribeOnce(() => {
          backOffMs = firstBackOffMs;
        });
      } catch (error) {
        this.#logger.warn(`live changes are interrupted, back in ${backOffMs} ms: ${String(error)}`);
        await delay(backOffMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        backOffMs = Math.min(backOffMs * 2, maxBackOffMs);
      }
    }
  }

  async #subscribeOnce(progressed: () => void): Promise<void> {
    if (this.#after === undefined) {
      const head = await this.store.head();
      this.subscriber.started(head);
      this.#after = head ?? 'start';
    }
    if (this.#stopping.signal.aborted) return;
    const options = { after: this.#after, categories: this.categories };
    this.#subscription = this.store.subscribe(options, async ({ events, position }) => {
      this.#after = position;
      if (events.length > 0) this.subscriber.follow(events, position);
      progressed();
    });
    await this.#subscription.done;
    // It ended without an error: it was stopped, or the store was closed.
    this.#stopping.abort();
  }
}
