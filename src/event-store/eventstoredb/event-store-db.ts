import { appendOneByOne, prepareAppend } from '../append.js';
import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  type StoredLog,
  StoreUnavailable,
  type StreamAppend,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../port.js';
import { resolveRead, resolveSubscribe } from '../reading.js';
import { Appender } from './appender.js';
import { Connection, targetOf } from './connection.js';
import { Reader } from './reader.js';
import { categoryFilter, type LogFilter, passesNothing } from './records.js';
import { type SubscriptionSource, SubscriptionStarts, SupervisedSubscription } from './subscription.js';

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`, see docs/eventstoredb.md. */
  readonly connectionString: string;
  /** Time limit of an append with all its attempts; then it fails as StoreUnavailable. Default 15 s. */
  readonly appendTimeoutMs?: number;
  /** After this time without an answer, an append is tried again; default 4 s. */
  readonly attemptTimeoutMs?: number;
  /** Time limit of a read that makes no progress, all attempts together; default 10 s. */
  readonly readTimeoutMs?: number;
  /** close() waits so long for accepted appends, then they fail; default 5 s. */
  readonly closeTimeoutMs?: number;
  /** A subscription silent for so long is compared with the log; default 15 s. */
  readonly silenceMs?: number;
  /** With so many appends waiting for answers, new ones are refused as busy; default 20,000. */
  readonly maxWaitingAppends?: number;
  /** The same limit for their JSON bytes; default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** Called when the server is lost, when it is back, and when a subscription receives nothing; default: ignored. */
  readonly warn?: (message: string) => void;
  /**
   * Checks on each new connection, before anything else, that it leads to the same log.
   * @throws {LogReplaced} when it is another log: then nothing is read or appended any more.
   */
  readonly recognise?: (
    eventAt: (stream: string, revision: number) => Promise<RecordedEvent | undefined>,
  ) => Promise<void>;
}

/**
 * The event store on EventStoreDB 23.10 or later. Connects when it is first used, and again after failures.
 * @throws {Error} when the connection string is malformed.
 */
export function openEventStoreDb(options: EventStoreDbOptions): EventStore {
  const { appendTimeoutMs = 15_000, attemptTimeoutMs = 4_000, readTimeoutMs = 10_000 } = options;
  const { maxWaitingAppends = 20_000, maxWaitingBytes = 64 * 1024 * 1024, silenceMs = 15_000 } = options;
  const warn = options.warn ?? (() => {});
  const connection = new Connection(targetOf(options.connectionString), warn, async (client) =>
    options.recognise?.((stream, revision) => reader.eventOn(client, stream, revision)),
  );
  const reader = new Reader(connection, readTimeoutMs);
  const starts = new SubscriptionStarts(reader);
  const appender = new Appender({
    connection,
    reader,
    starts,
    appendTimeoutMs,
    attemptTimeoutMs,
    maxWaitingAppends,
    maxWaitingBytes,
  });
  return new EventStoreDb({
    connection,
    reader,
    appender,
    starts,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    silenceMs,
    warn,
  });
}

interface Parts extends SubscriptionSource {
  readonly connection: Connection;
  readonly reader: Reader;
  readonly appender: Appender;
  readonly starts: SubscriptionStarts;
  /** How long close() waits for accepted appends. */
  readonly closeTimeoutMs: number;
}

/** The event store on EventStoreDB. */
class EventStoreDb implements EventStore {
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

  appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    return appendOneByOne(this, appends);
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
    const { after, categories, batchSize } = resolveSubscribe(options);
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
    // Everything that still waits for an answer fails.
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

const readTimeoutMs = 30_000;

/**
 * The log as EventStoreDB stores it.
 * @param warn called when the connection is lost, and when it is back.
 * @throws {Error} when the connection string is malformed.
 */
export function openEventStoreDbStoredLog(
  connectionString: string,
  warn: (message: string) => void,
): StoredLog {
  const connection = new Connection(targetOf(connectionString), warn);
  const reader = new Reader(connection, readTimeoutMs);
  return {
    async readAfter(position, limit) {
      if (position === undefined) return reader.readStored(undefined, limit);
      const events = await reader.readStored(position, limit + 1);
      return events.filter((event) => event.position > position).slice(0, limit);
    },
    close: async () => connection.close(),
  };
}
