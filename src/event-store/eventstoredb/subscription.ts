import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position, RecordedEvent, SubscribeOptions, Subscription, SubscriptionBatch } from '../port.js';
import { backoffMs } from './backoff.js';
import type { Connection } from './connection.js';
import { failureOf } from './failures.js';
import type { Link } from './link.js';
import { type Batch, MessageReader } from './message-reader.js';
import { placeOf } from './positions.js';
import { type Reader, SilentRead } from './reader.js';
import { type LogFilter, logSubscription, passesNothing } from './requests.js';
import { within } from './within.js';

export interface SubscriptionSource {
  readonly connection: Connection;
  readonly reader: Reader;
  /** When a subscription has received nothing for so long, the log is checked for newer events. */
  readonly silenceMs: number;
  readonly warn: (message: string) => void;
}

type Handler = (batch: SubscriptionBatch) => Promise<void>;

/**
 * While the server has not reported that a subscription has caught up, the subscription checks the log itself after
 * this time, then after twice as long, and so on.
 */
const firstLookMs = 500;

/** How long an event that is in the log may take to arrive before the subscription counts as broken. */
const graceMs = 500;

/** A live subscription that gets checkpoints checks the log at most once in this time. */
const checkpointLookMs = 1_000;

/** Upper limit for discovery and connecting together; the connection string may allow more attempts and longer intervals. */
const connectTimeoutMs = 30_000;

/** An error of the handler, to distinguish it from one of the connection. */
class HandlerFailed extends Error {
  constructor(override readonly cause: unknown) {
    super('the handler of a subscription failed');
  }
}

/** The server sends nothing although there are newer events, or it cannot be found out whether there are. */
class SubscriptionSilent extends Error {}

/** The result of checking the log for events after a subscription's position. */
type Look = 'nothing' | 'newer events' | 'interrupted';

/**
 * Keeps a subscription running until it is stopped: subscribes, hands over batches, and subscribes again after the last
 * handled event when the connection is lost, or when nothing arrives although there are newer events.
 *
 * Its position is always that of an event and never taken from a checkpoint of the server: which position a checkpoint
 * names depends on the version, and some lie beyond every event (docs/eventstoredb.md). The position moves
 * - with each event, and
 * - to the head of the log, if the head was read first and everything up to it was searched: because the server reports
 *   that the subscription has caught up, or because a search finds no matching event after the position.
 * Head and search use the subscription's own connection: another node may not have all events yet.
 */
export class SupervisedSubscription implements Subscription {
  readonly done: Promise<void>;
  private readonly stopping = new AbortController();
  private messages: MessageReader | undefined;
  /** Every event up to this position was handled or does not match; -1 before the first. */
  private position = -1;
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
    // Callers of `done` get its error; without a caller it must not end the process as an unhandled rejection.
    this.done.catch(() => undefined);
  }

  get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.messages?.cancel();
    await this.done.catch(() => undefined);
  }

  private async run(start: Promise<Exclude<SubscribeOptions['after'], 'end'> | undefined>): Promise<void> {
    const after = await start;
    if (after === undefined) return;
    if (passesNothing(this.filter)) return this.pause(undefined);
    if (after !== 'start') this.position = after;
    while (!this.isStopped) {
      try {
        await this.follow();
      } catch (error) {
        if (error instanceof HandlerFailed) throw error.cause;
        if (error instanceof SubscriptionSilent) this.source.warn(error.message);
        const failure = failureOf(error);
        if (failure.kind === 'permanent') throw failure.error;
      }
      this.failures += 1;
      await this.pause(backoffMs(this.failures, 50, 5_000));
    }
  }

  /** Follows the log on one call until it ends. @throws the error that ended it. */
  private async follow(): Promise<void> {
    const { connection, reader } = this.source;
    const link = await connection.current();
    this.isLive = false;
    try {
      // Read before subscribing: once the subscription has caught up, everything up to this head was searched.
      const head = await reader.headOn(link);
      const connecting = link.read(
        logSubscription(placeOf(this.position), this.filter),
        Number.POSITIVE_INFINITY,
      );
      const messages = new MessageReader(
        await within(connectTimeoutMs, 'connecting to EventStoreDB', connecting),
      );
      this.messages = messages;
      if (!this.isStopped) await this.deliver(messages, link, head);
      if (messages.ended?.error !== undefined) throw messages.ended.error;
    } catch (error) {
      const isOurs = error instanceof HandlerFailed || error instanceof SubscriptionSilent;
      if (!isOurs && !this.isStopped) {
        const failure = failureOf(error);
        if (failure.kind === 'transient') connection.retire(link, failure.reason);
      }
      throw error;
    } finally {
      this.messages?.cancel();
      this.messages = undefined;
    }
  }

  /** @param head Position of the newest event before the call was made. */
  private async deliver(messages: MessageReader, link: Link, head: Position | undefined): Promise<void> {
    const { silenceMs } = this.source;
    let silentSinceMs = performance.now();
    let lookAfterMs = Math.min(firstLookMs, silenceMs);
    let lookedAtMs = Number.NEGATIVE_INFINITY;
    let hasCheckpoint = false;
    while (!this.isStopped) {
      const options = { after: this.position, limit: this.batchSize, wasLive: this.isLive };
      const batch = await messages.readBatch(options);
      if (batch.messages > 0) {
        this.failures = 0;
        await this.handOverBatch(batch, messages, head);
        // Events move the position by themselves, and while catching up a check is not urgent.
        hasCheckpoint = this.isLive && batch.events.length === 0 && (hasCheckpoint || batch.hasCheckpoint);
        silentSinceMs = performance.now();
        lookAfterMs = Math.min(firstLookMs, silenceMs);
      } else if (messages.ended) {
        return;
      }
      const lookAtMs = hasCheckpoint
        ? lookedAtMs + checkpointLookMs
        : silentSinceMs + (this.isLive ? silenceMs : lookAfterMs);
      const waitMs = lookAtMs - performance.now();
      // Messages are read before a check, unless it is due: checkpoints that follow each other must not delay it for ever.
      if (messages.hasMore && (waitMs > 0 || !hasCheckpoint)) continue;
      if (waitMs > 0 && (await messages.wait(waitMs))) continue;
      const isSilent = !hasCheckpoint;
      hasCheckpoint = false;
      const found = await this.look(messages, link);
      lookedAtMs = performance.now();
      lookAfterMs = Math.min(lookAfterMs * 2, silenceMs);
      if (found === 'nothing') silentSinceMs = lookedAtMs;
      else if (isSilent && lookedAtMs - silentSinceMs >= silenceMs)
        await this.expectMessages(messages, found);
    }
  }

  /** @throws {SubscriptionSilent} when nothing arrives although there are, or may be, newer events. */
  private async expectMessages(messages: MessageReader, found: Look): Promise<void> {
    if (await messages.wait(Math.min(graceMs, this.source.silenceMs))) return;
    throw new SubscriptionSilent(
      found === 'newer events'
        ? 'a subscription to EventStoreDB receives nothing although there are newer events: subscribing again'
        : 'a subscription to EventStoreDB receives nothing, and a search for newer events takes too long: subscribing again',
    );
  }

  private async handOverBatch(batch: Batch, messages: MessageReader, head = -1): Promise<void> {
    const { events, hasCaughtUp } = batch;
    this.isLive = batch.isLive;
    if (events.length === 0 && !hasCaughtUp) return;
    // The server reports it after every event up to the head and before later ones.
    this.position = Math.max(this.position, events.at(-1)?.position ?? -1, hasCaughtUp ? head : -1);
    await this.handOver(events, this.isLive && !messages.hasMore);
  }

  /**
   * Checks the log for matching events after the position. If there are none, moves the position to the head and counts
   * as caught up even if the server does not report it, as servers before 23.10 do not. The search begins at the
   * position and is given up when a message arrives; it covers what was appended since the last check.
   */
  private async look(messages: MessageReader, link: Link): Promise<Look> {
    const head = (await this.source.reader.headOn(link)) ?? -1;
    if (head > this.position) {
      const next = await this.firstNewer(messages, link);
      if (next === 'interrupted') return next;
      if (next !== undefined && next <= head) return 'newer events';
    } else if (this.isLive) {
      return 'nothing';
    }
    this.position = Math.max(this.position, head);
    this.isLive = true;
    await this.handOver([], !messages.hasMore);
    return 'nothing';
  }

  /** Position of the first matching event after ours; `interrupted` when a message comes first or the search is too slow. */
  private async firstNewer(
    messages: MessageReader,
    link: Link,
  ): Promise<Position | undefined | 'interrupted'> {
    const { reader } = this.source;
    const interrupt = new AbortController();
    const over = new AbortController();
    void messages.wait(reader.timeoutMs, over.signal).then((hasCome) => hasCome && interrupt.abort());
    try {
      return await reader.firstAfterOn(link, this.position, this.filter, interrupt.signal);
    } catch (error) {
      // The connection has just answered, so only this search is slow.
      if (interrupt.signal.aborted || error instanceof SilentRead) return 'interrupted';
      throw error;
    } finally {
      over.abort();
    }
  }

  private async handOver(events: readonly RecordedEvent[], caughtUp: boolean): Promise<void> {
    if (this.isStopped) return;
    // The position of an event, or 0, which means the start of the log.
    const position = Math.max(0, this.position) as Position;
    try {
      await this.handler({ events, position, caughtUp });
    } catch (error) {
      throw new HandlerFailed(error);
    }
  }

  /** Waits for `ms`, or without it until the subscription is stopped. */
  private async pause(ms: number | undefined): Promise<void> {
    const { signal } = this.stopping;
    if (ms !== undefined) await sleep(ms, undefined, { signal }).catch(() => undefined);
    else if (!signal.aborted) await once(signal, 'abort');
  }
}
