import type {
  AppendResult,
  EventStore,
  ExpectedRevision,
  NewEvent,
  Position,
  ReadOptions,
  RecordedEvent,
  Revision,
  SubscribeOptions,
  Subscription,
  SubscriptionBatch,
} from '../event-store/port.js';

/** How events change on their way into a store and out of it. */
export interface View {
  /** Whether an event may change at all: everything else passes at once. */
  isTouched(event: NewEvent): boolean;
  toStore(events: readonly NewEvent[]): Promise<readonly NewEvent[]>;
  fromStore(events: readonly RecordedEvent[]): Promise<RecordedEvent[]>;
}

/** A store seen through a view. Everything it promises, it promises as the store behind it does. */
export class StoreView implements EventStore {
  constructor(
    private readonly store: EventStore,
    private readonly view: View,
  ) {}

  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult> {
    // Not async: nearly all appends are untouched, and this is the hottest path there is.
    if (!events.some(this.view.isTouched)) return this.store.append(stream, expected, events);
    return this.view.toStore(events).then((changed) => this.store.append(stream, expected, changed));
  }

  async readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readStream(stream, options));
  }

  async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readCategory(category, options));
  }

  async readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readAll(options));
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    return this.store.subscribe(options, async (batch) => {
      if (!batch.events.some(this.view.isTouched)) return handler(batch);
      return handler({ ...batch, events: await this.view.fromStore(batch.events) });
    });
  }

  head(): Promise<Position | undefined> {
    return this.store.head();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  #seen(events: RecordedEvent[]): RecordedEvent[] | Promise<RecordedEvent[]> {
    return events.some(this.view.isTouched) ? this.view.fromStore(events) : events;
  }
}
