import { setImmediate } from 'node:timers';
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
import { asPosition, type LogSource, SubscriptionLoop } from '../subscription-loop.js';
import type { CommittedAppend } from './pending-appends.js';
import type { Reader } from './reader.js';
import { RecentEvents } from './recent-events.js';
import type { WriterClient, WriterClientOptions } from './writer-client.js';

/** How often a read-only store with subscriptions looks for another process's events. */
const followIntervalMs = 100;

/** The main thread's side of a log: reads by itself, has a thread write, feeds subscriptions. */
export class SqliteEventStore implements EventStore {
  private readonly subscriptions = new Set<SubscriptionLoop>();
  private readonly recent: RecentEvents;
  private readonly source: LogSource;
  private readonly writer: WriterClient | undefined;
  private following: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;

  /**
   * @param head Position of the newest committed event, 0 in an empty log.
   * @param connectWriter Given whom to tell of commits, returns the writer; left out, the store is read-only.
   */
  constructor(
    private readonly reader: Reader,
    head: number,
    connectWriter?: (onCommitted: WriterClientOptions['onCommitted']) => WriterClient,
  ) {
    const recent = new RecentEvents(head);
    this.recent = recent;
    this.writer = connectWriter?.((appends) => this.committed(appends));
    const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
    const page = reader.pageAfter.bind(reader);
    this.source =
      this.writer === undefined
        ? {
            head: () => reader.head(),
            pageAfter: (after, ...filter) => page(after, reader.head(), ...filter),
            breathe,
          }
        : {
            head: () => recent.head,
            pageAfter: (after, ...filter) =>
              recent.pageAfter(after, ...filter) ?? page(after, recent.head, ...filter),
            breathe,
          };
  }

  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult> {
    // Not async: that would wrap the writer's promise in another, on the hottest path there is.
    try {
      if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
      if (this.writer === undefined) throw new StoreUnavailable('the event store is open for reading only');
      return this.writer.append(prepareAppend(stream, expected, events));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.reader.readStream(stream, resolveRead(options));
  }

  async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.reader.readCategory(category, resolveRead(options));
  }

  async readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.reader.readAll(resolveRead(options));
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
    const loop = new SubscriptionLoop(this.source, options, handler, (ended) => this.forget(ended));
    this.subscriptions.add(loop);
    if (this.writer === undefined) this.follow();
    return loop;
  }

  async head(): Promise<Position | undefined> {
    const head = this.reader.head();
    return head === 0 ? undefined : asPosition(head);
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    const accepted = this.writer?.drain();
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
    await accepted;
    // The writer goes last: the last handle to close removes the -wal file.
    this.reader.close();
    await this.writer?.close();
  }

  private committed(appends: readonly CommittedAppend[]): void {
    const last = appends.at(-1);
    if (last === undefined) return;
    if (this.subscriptions.size > 0) this.recent.add(appends);
    else this.recent.skipTo(last.position);
    for (const subscription of this.subscriptions) subscription.wake();
  }

  private forget(subscription: SubscriptionLoop): void {
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size > 0) return;
    this.recent.skipTo(this.recent.head);
    clearInterval(this.following);
    this.following = undefined;
  }

  /** Has subscriptions look for what another process has written. */
  private follow(): void {
    this.following ??= setInterval(() => {
      for (const subscription of this.subscriptions) subscription.wake();
    }, followIntervalMs);
  }
}
