import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent, SubscribeOptions, Subscription, SubscriptionBatch } from '../port.js';
import { backoffMs } from './backoff.js';
import type { Connection } from './connection.js';
import { Cursor } from './cursor.js';
import { failureOf } from './failures.js';
import { Feed } from './feed.js';
import type { Reader } from './reader.js';
import { recordedEvent } from './records.js';
import { type LogFilter, logSubscription, passesNothing } from './requests.js';
import { within } from './within.js';

export interface SubscriptionSource {
  readonly connection: Connection;
  readonly reader: Reader;
  /** A subscription silent for so long is compared with the head of the log. */
  readonly silenceMs: number;
  readonly warn: (message: string) => void;
}

type Handler = (batch: SubscriptionBatch) => Promise<void>;

/** While catching up, how long a batch may wait for more events. */
const lingerMs = 5;
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
        if (!this.isStopped) this.source.warn(`subscription interrupted: ${failure.reason}`);
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
      const { events, hasNews, messages } = await this.gather(feed, cursor);
      if (messages > 0) {
        silentSince = performance.now();
        this.failures = 0;
      }
      if (this.isStopped) return;
      if (events.length > 0 || hasNews) {
        await this.handOver(events, cursor, this.isLive && !feed.hasMore);
        continue;
      }
      if (feed.ended) return;
      const waitMs = this.isLive ? this.source.silenceMs : Math.min(quietMs, this.source.silenceMs);
      if (await feed.wait(waitMs)) continue;
      if (await this.hasReachedHead(feed, cursor)) {
        silentSince = performance.now();
        if (!this.isLive) {
          this.isLive = true;
          await this.handOver([], cursor, true);
        }
      } else if (!feed.hasMore && performance.now() - silentSince >= this.source.silenceMs) {
        throw new Error('there are newer events than a silent subscription has brought');
      }
    }
  }

  /**
   * What has come: up to a batch of events; with none, whether there is news to hand over all the same (caught
   * up, or a checkpoint beyond the last event).
   */
  private async gather(feed: Feed, cursor: Cursor) {
    const events: RecordedEvent[] = [];
    let checkpoint: { readonly commit: string; readonly prepare: string } | undefined;
    let hasCaughtUp = false;
    let messages = 0;
    while (events.length < this.batchSize && !this.isStopped) {
      const message = feed.read();
      if (message === undefined) {
        if (await this.mayGetMore(feed, events.length > 0)) continue;
        break;
      }
      messages += 1;
      const recorded = message.getEvent()?.getEvent();
      if (recorded !== undefined) {
        const event = recordedEvent(recorded);
        // After subscribing again the server may begin a little before.
        const last = events.at(-1)?.position ?? cursor.position;
        if (event.position > last) events.push(event);
        checkpoint = undefined;
      }
      const reached = message.getCheckpoint();
      if (reached)
        checkpoint = { commit: reached.getCommitPosition(), prepare: reached.getPreparePosition() };
      if (message.hasFellBehind()) this.isLive = false;
      if (message.hasCaughtUp()) {
        this.isLive = true;
        hasCaughtUp = true;
      }
    }
    const hasMoved = await this.pass(cursor, events, checkpoint);
    return { events, hasNews: hasCaughtUp || hasMoved, messages };
  }

  private async mayGetMore(feed: Feed, hasEvents: boolean): Promise<boolean> {
    if (!hasEvents || feed.ended) return false;
    // Events committed together arrive together, but the stream hands them out turn by turn.
    if (this.isLive) await nextTurn();
    else await feed.wait(lingerMs);
    return feed.hasMore;
  }

  /** Moves the cursor behind events and checkpoint; whether a checkpoint has moved it further than events. */
  private async pass(
    cursor: Cursor,
    events: readonly RecordedEvent[],
    checkpoint: { readonly commit: string; readonly prepare: string } | undefined,
  ): Promise<boolean> {
    const last = events.at(-1);
    if (last !== undefined) cursor.passEvent(last.position);
    if (checkpoint === undefined) return false;
    // A checkpoint may name the end of the last event looked at, where the next one will begin: to go on from
    // there is fine, but the position to tell is that of an event.
    const end = { commit: checkpoint.commit, prepare: checkpoint.commit };
    const isEvent = checkpoint.commit === checkpoint.prepare;
    const position = isEvent
      ? Number(checkpoint.commit)
      : await this.source.reader.lastBefore(end, { kind: 'everything' });
    if (position === undefined || position <= cursor.position) return false;
    cursor.passEvent(position);
    return true;
  }

  private async handOver(events: readonly RecordedEvent[], cursor: Cursor, caughtUp: boolean): Promise<void> {
    if (this.isStopped) return;
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
