import type {
  EventStore,
  Position,
  RecordedEvent,
  SubscribeOptions,
  Subscription,
  SubscriptionBatch,
} from '../../src/event-store/port.js';

/** A subscription that keeps its events and lets a test wait for them. */
export class Collector {
  readonly batches: SubscriptionBatch[] = [];
  readonly subscription: Subscription;
  private waiting: { isMet: () => boolean; resolve: () => void }[] = [];

  /** @param during Runs within the handler, after the batch is noted. */
  constructor(
    store: EventStore,
    options: SubscribeOptions,
    during: (batch: SubscriptionBatch) => Promise<void> = async () => {},
  ) {
    this.subscription = store.subscribe(options, async (batch) => {
      this.batches.push(batch);
      for (const waiter of this.waiting) if (waiter.isMet()) waiter.resolve();
      this.waiting = this.waiting.filter((waiter) => !waiter.isMet());
      await during(batch);
    });
  }

  get events(): RecordedEvent[] {
    return this.batches.flatMap((batch) => batch.events);
  }

  get ids(): string[] {
    return this.events.map((event) => event.id);
  }

  /** Resolves when the handler has been called and `condition` holds; rejects when the subscription fails. */
  until(condition: (collector: this) => boolean): Promise<void> {
    if (condition(this)) return Promise.resolve();
    const met = new Promise<void>((resolve) => {
      this.waiting.push({ isMet: () => condition(this), resolve });
    });
    return Promise.race([met, this.subscription.done]);
  }

  /** Resolves when at least `count` events have arrived. */
  untilEvents(count: number): Promise<void> {
    return this.until(() => this.events.length >= count);
  }
}

/** Resolves when a fresh subscription has got all there is of a category: time enough for any other. */
export async function deliveredToAnother(store: EventStore, category: string): Promise<void> {
  const last: Position | undefined = (await store.readCategory(category)).at(-1)?.position;
  const reached = ({ position }: SubscriptionBatch) => last !== undefined && position >= last;
  const witness = new Collector(store, { after: 'start', categories: [category] });
  await witness.until(({ batches }) => batches.some(reached));
  await witness.subscription.stop();
}
