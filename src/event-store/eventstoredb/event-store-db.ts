import { prepareAppend } from '../append-request.js';
import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../port.js';
import { resolveRead } from '../read-page.js';
import type { Appender } from './appender.js';
import type { Connection } from './connection.js';
import type { Reader } from './reader.js';
import { categoryFilter, type LogFilter, passesNothing } from './requests.js';
import type { StartOfSubscriptions } from './start-of-subscriptions.js';
import { type SubscriptionSource, SupervisedSubscription } from './subscription.js';

export interface Parts extends SubscriptionSource {
  readonly connection: Connection;
  readonly reader: Reader;
  readonly appender: Appender;
  readonly starts: StartOfSubscriptions;
  /** How long close() waits for accepted appends. */
  readonly closeTimeoutMs: number;
}

const defaultBatchSize = 512;
const maxBatchSize = 4096;
const maxCategories = 64;

/** The event store on EventStoreDB. */
export class EventStoreDb implements EventStore {
  private readonly subscriptions = new Set<SupervisedSubscription>();
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {}

  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    this.refuseWhenClosed();
    if (stream.startsWith('$')) throw new TypeError(`stream ${stream} is EventStoreDB's own`);
    return this.parts.appender.append(prepareAppend(stream, expected, events));
  }

  async readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    this.refuseWhenClosed();
    const page = resolveRead(options);
    const isBehindEnd = page.from === Number.POSITIVE_INFINITY && page.direction === 'forwards';
    return isBehindEnd ? [] : this.parts.reader.readStream(stream, page);
  }

  async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.readLog(options, categoryFilter([category]));
  }

  async readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.readLog(options, { kind: 'all' });
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    this.refuseWhenClosed();
    const { after, categories, batchSize = defaultBatchSize } = options;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1 || batchSize > maxBatchSize) {
      throw new RangeError(`a batch holds 1 to ${maxBatchSize} events, not ${batchSize}`);
    }
    if (categories !== undefined && categories.length > maxCategories) {
      throw new RangeError(`a filter takes up to ${maxCategories} categories`);
    }
    const filter: LogFilter = categories === undefined ? { kind: 'all' } : categoryFilter(categories);
    const start = this.parts.starts.of(after, () => subscription.isStopped);
    const subscription = new SupervisedSubscription(this.parts, filter, batchSize, start, handler);
    this.subscriptions.add(subscription);
    const forget = (): void => {
      this.subscriptions.delete(subscription);
    };
    subscription.done.then(forget, forget);
    return subscription;
  }

  async head(): Promise<Position | undefined> {
    this.refuseWhenClosed();
    return this.parts.reader.head();
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    const { appender, connection, closeTimeoutMs } = this.parts;
    const stopped = Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
    await appender.drain(closeTimeoutMs);
    // Whatever still waits for an answer stops waiting.
    connection.close();
    await stopped;
  }

  private async readLog(
    options: ReadOptions<Position> | undefined,
    filter: LogFilter,
  ): Promise<RecordedEvent[]> {
    this.refuseWhenClosed();
    const page = resolveRead(options);
    return passesNothing(filter) ? [] : this.parts.reader.readLog(page, filter);
  }

  private refuseWhenClosed(): void {
    if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
  }
}
