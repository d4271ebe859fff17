import { setImmediate } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { compiledFile } from '../../platform/compiled-file.js';
import { assertAppendsInOrder, prepareAppend } from '../append.js';
import {
  type AppendResult,
  asPosition,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  type StreamAppend,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../port.js';
import { resolveRead } from '../reading.js';
import { type LogSource, SubscriptionLoop } from '../subscription-loop.js';
import { canonicalPath, EventLogRefused, openForReading } from './log-file.js';
import { Reader } from './reader.js';
import { RecentEvents } from './recent-events.js';
import type { FromWriter } from './writer.js';
import { type CommittedAppend, WriterClient, type WriterClientOptions } from './writer-client.js';

interface SqliteOptions {
  /** Path of the log; created when there is none, unless `readOnly`. */
  readonly file: string;
  /** The store's clock, milliseconds since 1970; default the system's. */
  readonly nowMs?: () => number;
  /** Only for reading, also while another process writes; appends are refused. Default false. */
  readonly readOnly?: boolean;
  /** With so many appends waiting for the disk, new ones are refused as busy; default 20,000. */
  readonly maxWaitingAppends?: number;
  /** The same limit for their JSON bytes; default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** Called when the writer thread ends by itself: every append fails from then on, until the log is opened anew. */
  readonly onWriterLost?: (reason: string) => void;
  /**
   * A store that writes tells it of each commit. One that is `readOnly` learns from it that the log has grown; without,
   * it looks at the file now and then while it has subscriptions.
   */
  readonly growth?: LogGrowth;
}

/** Tells that the log has grown, within a thread. */
export class LogGrowth {
  readonly #listeners = new Set<() => void>();

  /** @returns stops it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/**
 * Opens an event log in one SQLite file: a separate thread writes with group commit, and every append is on disk before
 * it resolves. One process writes a file at a time; any number may read it.
 * @throws {EventLogRefused} when the file is in use by another writer, damaged, or no event log of this version.
 */
export async function openSqliteEventStore(options: SqliteOptions): Promise<EventStore> {
  const file = canonicalPath(options.file);
  if (options.readOnly) {
    const reader = new Reader(openForReading(file), file);
    return new SqliteEventStore(reader, reader.head(), options.growth);
  }
  const worker = new Worker(compiledFile(import.meta.url, './writer-thread.js'), {
    workerData: file,
    execArgv: [],
  });
  const head = await started(worker);
  try {
    const connectWriter = (onCommitted: WriterClientOptions['onCommitted']) =>
      new WriterClient({
        worker,
        nowMs: options.nowMs ?? Date.now,
        maxWaitingAppends: options.maxWaitingAppends ?? 20_000,
        maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
        onCommitted,
        onLost: options.onWriterLost,
      });
    return new SqliteEventStore(new Reader(openForReading(file), file), head, options.growth, connectWriter);
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** Position of the newest event, once the writer thread has the log open. */
async function started(worker: Worker): Promise<number> {
  const message = await new Promise<FromWriter>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new EventLogRefused('the writer thread stopped while opening the log')));
  });
  if (message.kind === 'ready') return message.head;
  await worker.terminate();
  throw new EventLogRefused(message.kind === 'refused' ? message.reason : `unexpected ${message.kind}`);
}

/** How often a read-only store with subscriptions looks for events of another process. */
const followIntervalMs = 100;

/** The main thread's side of a log: reads, sends appends to the writer thread, and serves subscriptions. */
class SqliteEventStore implements EventStore {
  private readonly subscriptions = new Set<SubscriptionLoop>();
  private readonly recent: RecentEvents;
  private readonly source: LogSource;
  private readonly writer: WriterClient | undefined;
  private stopFollowing: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  /**
   * @param head Position of the newest committed event, 0 in an empty log.
   * @param growth See {@link SqliteOptions}.
   * @param connectWriter Connects the writer to the callback for commits; left out, the store is read-only.
   */
  constructor(
    private readonly reader: Reader,
    head: number,
    private readonly growth: LogGrowth | undefined,
    connectWriter?: (onCommitted: WriterClientOptions['onCommitted']) => WriterClient,
  ) {
    const recent = new RecentEvents(head);
    this.recent = recent;
    this.writer = connectWriter?.((appends) => this.committed(appends));
    const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const page = reader.pageAfter.bind(reader);
    this.source =
      this.writer === undefined
        ? {
            head: () => reader.head(),
            pageAfter: (after, ...filter) => page(after, reader.head(), ...filter),
            nextTurn,
          }
        : {
            head: () => recent.head,
            pageAfter: (after, ...filter) =>
              recent.pageAfter(after, ...filter) ?? page(after, recent.head, ...filter),
            nextTurn,
          };
  }

  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult> {
    // Not async: that would wrap the writer's promise in another one, for every append.
    try {
      return this.openWriter().append(prepareAppend(stream, expected, events));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** One message to the writer thread, and one transaction. */
  async appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    const writer = this.openWriter();
    assertAppendsInOrder(appends);
    return writer.appendInOrder(
      appends.map(({ stream, expected, events }) => prepareAppend(stream, expected, events)),
    );
  }

  private openWriter(): WriterClient {
    if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
    if (this.writer === undefined) throw new StoreUnavailable('the event store is open for reading only');
    return this.writer;
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
    // The writer closes last: the last handle to be closed removes the -wal file.
    this.reader.close();
    await this.writer?.close();
  }

  private committed(appends: readonly CommittedAppend[]): void {
    const last = appends.at(-1);
    if (last === undefined) return;
    if (this.subscriptions.size > 0) this.recent.add(appends);
    else this.recent.skipTo(last.position);
    this.wakeSubscriptions();
    this.growth?.tell();
  }

  private forget(subscription: SubscriptionLoop): void {
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size > 0) return;
    this.recent.skipTo(this.recent.head);
    this.stopFollowing?.();
    this.stopFollowing = undefined;
  }

  /** Has subscriptions look for what another process or thread has written. */
  private follow(): void {
    if (this.stopFollowing !== undefined) return;
    const wake = () => this.wakeSubscriptions();
    if (this.growth !== undefined) {
      this.stopFollowing = this.growth.listen(wake);
      return;
    }
    const timer = setInterval(wake, followIntervalMs);
    this.stopFollowing = () => clearInterval(timer);
  }

  private wakeSubscriptions(): void {
    for (const subscription of this.subscriptions) subscription.wake();
  }
}
