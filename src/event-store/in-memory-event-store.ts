import { categoryOf } from '../events/streams.js';
import {
  type AppendRequest,
  appendOneByOne,
  decideAppend,
  emptyStream,
  expectedHead,
  prepareAppend,
} from './append.js';
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
  WrongExpectedRevision,
} from './port.js';
import { parseFrozen, type ReadPage, resolveRead } from './reading.js';
import { type LogPage, SubscriptionLoop } from './subscription-loop.js';

interface InMemoryOptions {
  /** The store's clock, milliseconds since 1970; default the system's. */
  readonly nowMs?: () => number;
}

const revisionOf = (event: RecordedEvent): number => event.revision;
const positionOf = (event: RecordedEvent): number => event.position;

/**
 * The whole log in memory, for tests and simulation. Events are serialised and parsed as in the other engines (plain
 * JSON, deeply frozen). It uses no timers and no I/O, so it runs under a fake clock.
 */
export class InMemoryEventStore implements EventStore {
  private readonly log: RecordedEvent[] = [];
  private readonly streams = new Map<string, RecordedEvent[]>();
  private readonly categories = new Map<string, RecordedEvent[]>();
  private readonly subscriptions = new Set<SubscriptionLoop>();
  private readonly nowMs: () => number;
  private closed = false;

  constructor(options: InMemoryOptions = {}) {
    this.nowMs = options.nowMs ?? Date.now;
  }

  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    if (this.closed) throw new StoreUnavailable('the event store is closed');
    const request = prepareAppend(stream, expected, events);
    const recorded = this.streams.get(stream) ?? [];
    const ids = request.events.map((event) => event.id);
    const head = recorded.at(-1)?.revision ?? emptyStream;
    const decision = decideAppend(
      head,
      expectedHead(expected),
      ids.length,
      (revision, index) => recorded[revision]?.id === ids[index],
    );
    if (decision === 'conflict') {
      throw new WrongExpectedRevision(stream, expected, recorded.at(-1)?.revision);
    }
    if (decision !== 'write') return resultOf(recorded[decision.replayedTo], true);
    const result = resultOf(this.write(request, recorded), false);
    for (const subscription of this.subscriptions) subscription.wake();
    return result;
  }

  appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    return appendOneByOne(this, appends);
  }

  async readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.page(this.streams.get(stream), options, revisionOf);
  }

  async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.page(this.categories.get(category), options, positionOf);
  }

  async readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.page(this.log, options, positionOf);
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    if (this.closed) throw new StoreUnavailable('the event store is closed');
    const source = {
      head: () => this.log.length,
      pageAfter: this.pageAfter.bind(this),
      nextTurn: () => Promise.resolve(),
    };
    const loop = new SubscriptionLoop(source, options, handler, (ended) => this.subscriptions.delete(ended));
    this.subscriptions.add(loop);
    return loop;
  }

  async head(): Promise<Position | undefined> {
    if (this.closed) throw new StoreUnavailable('the event store is closed');
    return this.log.at(-1)?.position;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
  }

  /** Adds the events to the log and returns the last of them. */
  private write(request: AppendRequest, recorded: RecordedEvent[]): RecordedEvent | undefined {
    const { stream } = request;
    const category = categoryOf(stream);
    const sameCategory = this.categories.get(category) ?? [];
    this.streams.set(stream, recorded);
    this.categories.set(category, sameCategory);
    const recordedAtMs = this.nowMs();
    for (const { id, type, data, metadata } of request.events) {
      const event = Object.freeze({
        id,
        type,
        data: parseFrozen(data),
        metadata: parseFrozen(metadata),
        stream,
        revision: recorded.length,
        position: asPosition(this.log.length + 1),
        recordedAtMs,
      });
      recorded.push(event);
      sameCategory.push(event);
      this.log.push(event);
    }
    return recorded.at(-1);
  }

  private page(
    events: readonly RecordedEvent[] | undefined,
    options: ReadOptions<number> | undefined,
    keyOf: (event: RecordedEvent) => number,
  ): RecordedEvent[] {
    if (this.closed) throw new StoreUnavailable('the event store is closed');
    const page = resolveRead(options);
    return events === undefined ? [] : pageOf(events, page, keyOf);
  }

  /** Positions are 1, 2, 3, …: the event at position p is `log[p - 1]`. */
  private pageAfter(after: number, categories: ReadonlySet<string> | undefined, limit: number): LogPage {
    if (categories === undefined) {
      const events = this.log.slice(after, after + limit);
      return { events, position: after + events.length };
    }
    const matching = [...categories].flatMap((category) => {
      const events = this.categories.get(category) ?? [];
      const first = firstAtOrAfter(events, after + 1, positionOf);
      return events.slice(first, first + limit);
    });
    matching.sort((a, b) => a.position - b.position);
    const events = matching.slice(0, limit);
    // Fewer than `limit`: the rest of the log does not match.
    return { events, position: events.length < limit ? this.log.length : (events.at(-1)?.position ?? after) };
  }
}

function resultOf(last: RecordedEvent | undefined, replayed: boolean): AppendResult {
  if (last === undefined) throw new Error('an append leaves at least one event');
  return { revision: last.revision, position: last.position, replayed };
}

/** Index of the first item whose key is `key` or more, by binary search; `items.length` when there is none. */
function firstAtOrAfter<T>(items: readonly T[], key: number, keyOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && keyOf(item) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One page of `items`, which are in ascending order of their keys. */
function pageOf<T>(items: readonly T[], page: ReadPage, keyOf: (item: T) => number): T[] {
  if (page.direction === 'forwards') {
    const first = firstAtOrAfter(items, page.from, keyOf);
    return items.slice(first, first + page.limit);
  }
  const afterLast = firstAtOrAfter(items, page.from + 1, keyOf);
  return items.slice(Math.max(0, afterLast - page.limit), afterLast).reverse();
}
