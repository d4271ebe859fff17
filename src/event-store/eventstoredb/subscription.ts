import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent, SubscribeOptions, Subscription, SubscriptionBatch } from '../port.js';
import { backoffMs } from './backoff.js';
import type { Connection } from './connection.js';
import { Cursor } from './cursor.js';
import { failureOf } from './failures.js';
import { Feed } from './feed.js';
import { type Checkpoint, type Gathered, gather } from './gather.js';
import type { Reader } from './reader.js';
import { type LogFilter, logSubscription, passesNothing } from './requests.js';
import { within } from './within.js';

export interface SubscriptionSource {
  readonly connection: Connection;
  readonly reader: Reader;
  /** A subscription silent for so long is compared with the head of the log. */
  readonly silenceMs: number;
}

type Handler = (batch: SubscriptionBatch) => Promise<void>;

/** Not told of having caught up, as servers before 23.10 do not tell, a subscription looks for itself. */
const quietMs = 500;

/** Discovery of a cluster takes the client's own attempts and intervals; this ends it all the same. */
const connectTimeoutMs = 30_000;

/** The handler's own failure, to be told from the connection's. */
class HandlerFailed extends Error {
  constructor(override readonly cause: unknown) {
    super('the handler of a subscription failed');
  }
}

/**
 * Keeps a subscription going for as long as the process wants it: subscribes, hands over batches, and when the
 * connection is lost, or silent though there are newer events, subscribes again behind what was handled.
 */
export class SupervisedSubscription implements Subscription {
  readonly done: Promise<void>;
  private readonly stopping = new AbortController();
  private feed: Feed | undefined;
  private isLive = false;
  private failures = 0;

  /** @param start Where to begin: resolves once that is known. */
  constructor(
    private readonly source: SubscriptionSource,
    private readonly filter: LogFilter,
    private readonly batchSize: number,
    start: Promise<Exclude<SubscribeOptions['after'], 'end'> | undefined>,
    private readonly handler: Handler,
  ) {
    this.done = this.run(start);
    // Whoever looks at `done` gets its error; if nobody does, that must not end the process.
    this.done.catch(() => undefined);
  }

  get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.feed?.cancel();
    await this.done.catch(() => undefined);
  }

  private async run(start: Promise<Exclude<SubscribeOptions['after'], 'end'> | undefined>): Promise<void> {
    const after = await start;
    if (after === undefined) return;
    if (passesNothing(this.filter)) return this.pause(undefined);
    const cursor = new Cursor(after);
    while (!this.isStopped) {
      try {
        await this.follow(cursor);
      } catch (error) {
        if (error instanceof HandlerFailed) throw error.cause;
        const failure = failureOf(error);
        if (failure.kind === 'permanent') throw failure.error;
      }
      this.failures += 1;
      await this.pause(backoffMs(this.failures, 50, 5_000));
    }
  }

  /** Follows the log on one call until it ends. @throws what ended it. */
  private async follow(cursor: Cursor): Promise<void> {
    const { connection } = this.source;
    const link = await connection.current();
    this.isLive = false;
    try {
      const request = logSubscription(cursor.place, this.filter);
      const connecting = link.read(request, Number.POSITIVE_INFINITY);
      this.feed = new Feed(await within(connectTimeoutMs, 'connecting to EventStoreDB', connecting));
      if (!this.isStopped) await this.deliver(this.feed, cursor);
      const { ended } = this.feed;
      if (ended?.error !== undefined) throw ended.error;
    } catch (error) {
      if (!(error instanceof HandlerFailed) && !this.isStopped) {
        const failure = failureOf(error);
        if (failure.kind === 'transient') connection.retire(link, failure.reason);
      }
      throw error;
    } finally {
      this.feed?.cancel();
      this.feed = undefined;
    }
  }

  private async deliver(feed: Feed, cursor: Cursor): Promise<void> {
    let silentSince = performance.now();
    while (!this.isStopped) {
      const wasLive = this.isLive;
      const gathered = await gather(feed, { after: cursor.position, limit: this.batchSize, wasLive });
      this.isLive = gathered.isLive;
      if (gathered.messages > 0) {
        silentSince = performance.now();
        this.failures = 0;
        await this.handOverAll(gathered, feed, cursor);
        continue;
      }
      if (feed.ended) return;
      const waitMs = this.isLive ? this.source.silenceMs : Math.min(quietMs, this.source.silenceMs);
      if (await feed.wait(waitMs)) continue;
      if (await this.hasReachedHead(feed, cursor)) {
        silentSince = performance.now();
        if (!this.isLive) await this.handOver([], cursor, true);
        this.isLive = true;
      } else if (!feed.hasMore && performance.now() - silentSince >= this.source.silenceMs) {
        throw new Error('there are newer events than a silent subscription has brought');
      }
    }
  }

  /** Events first; a checkpoint beyond them, or word of having caught up, in a batch without events. */
  private async handOverAll(gathered: Gathered, feed: Feed, cursor: Cursor): Promise<void> {
    const { events, checkpoint, hasCaughtUp } = gathered;
    const isAtEnd = this.isLive && !feed.hasMore;
    if (events.length > 0) await this.handOver(events, cursor, isAtEnd);
    const hasMoved = checkpoint !== undefined && (await this.moveTo(checkpoint, cursor));
    if (hasMoved || (hasCaughtUp && events.length === 0)) {
      await this.handOver([], cursor, this.isLive && !feed.hasMore);
    }
  }

  /** Moves the cursor to a checkpoint; false when that is not further on. */
  private async moveTo({ commit, prepare }: Checkpoint, cursor: Cursor): Promise<boolean> {
    // A checkpoint may name the end of the last event looked at, where the next one will begin: to go on from
    // there is fine, but the position to tell is that of an event.
    const position =
      commit === prepare
        ? Number(commit)
        : await this.source.reader.lastBefore({ commit, prepare: commit }, { kind: 'everything' });
    if (position === undefined || position <= cursor.position) return false;
    cursor.moveTo(position);
    return true;
  }

  /** Calls the handler; the cursor moves behind the events once it has them. */
  private async handOver(events: readonly RecordedEvent[], cursor: Cursor, caughtUp: boolean): Promise<void> {
    if (this.isStopped) return;
    const last = events.at(-1);
    if (last !== undefined) cursor.moveTo(last.position);
    try {
      await this.handler({ events, position: cursor.told, caughtUp });
    } catch (error) {
      throw new HandlerFailed(error);
    }
  }

  /** Whether no matching event is newer than the cursor, or one is but has just arrived. */
  private async hasReachedHead(feed: Feed, cursor: Cursor): Promise<boolean> {
    const newest = await this.source.reader.newest(this.filter);
    if (newest === undefined || newest <= cursor.position) return true;
    return feed.wait(Math.min(quietMs, this.source.silenceMs));
  }

  /** Waits; without a time, until the subscription is stopped. */
  private async pause(ms: number | undefined): Promise<void> {
    const { signal } = this.stopping;
    if (ms !== undefined) await sleep(ms, undefined, { signal }).catch(() => undefined);
    else if (!signal.aborted) await once(signal, 'abort');
  }
}
