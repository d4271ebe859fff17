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
  /** A subscription silent for so long is compared with the log. */
  readonly silenceMs: number;
  readonly warn: (message: string) => void;
}

type Handler = (batch: SubscriptionBatch) => Promise<void>;

/** Not yet told of having caught up, a subscription looks for itself after this long, then after twice as long, … */
const firstLookMs = 500;

/** How long an event that is in the log may take to arrive. */
const graceMs = 500;

/** A live subscription with checkpoints looks at most so often how far it has got. */
const checkpointLookMs = 1_000;

/** Discovery of a cluster takes the client's own attempts and intervals; this ends it all the same. */
const connectTimeoutMs = 30_000;

/** The handler's own failure, to be told from the connection's. */
class HandlerFailed extends Error {
  constructor(override readonly cause: unknown) {
    super('the handler of a subscription failed');
  }
}

/** The server sends a subscription nothing, though there is something to send, or no telling whether there is. */
class SubscriptionSilent extends Error {}

/** What a look at the log behind a subscription's position finds. */
type Look = 'nothing' | 'newer events' | 'interrupted';

/**
 * Keeps a subscription going for as long as the process wants it: subscribes, hands over batches, and when the
 * connection is lost, or silent though there are newer events, subscribes again behind what was handled.
 *
 * Its position is always that of an event, and never taken from a checkpoint of the server: what place in the log a
 * checkpoint names differs from version to version, and some name places that no event has reached
 * (docs/eventstoredb.md). The position moves with events; and to the head of the log, where that was asked for first
 * and everything up to it is known to have been looked at, because the server says that the subscription has caught
 * up or because nothing that matches is found behind the position. Head and search are asked on the connection the
 * subscription is on: another node may not have as much.
 */
export class SupervisedSubscription implements Subscription {
  readonly done: Promise<void>;
  private readonly stopping = new AbortController();
  private messages: MessageReader | undefined;
  /** Position of the last event known to be done with; -1 before the first. */
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
    // Whoever looks at `done` gets its error; if nobody does, that must not end the process.
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

  /** Follows the log on one call until it ends. @throws what ended it. */
  private async follow(): Promise<void> {
    const { connection, reader } = this.source;
    const link = await connection.current();
    this.isLive = false;
    try {
      // Asked before subscribing: having caught up, the server has looked at everything up to here.
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
        // Events say more of how far a subscription has got than a checkpoint; catching up, there is no hurry.
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
      // With messages left to read, a look waits; but not for ever where one checkpoint follows another.
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

  /** @throws {SubscriptionSilent} when nothing comes, though there is or may be something to bring. */
  private async expectMessages(messages: MessageReader, found: Look): Promise<void> {
    if (await messages.wait(Math.min(graceMs, this.source.silenceMs))) return;
    throw new SubscriptionSilent(
      found === 'newer events'
        ? 'a subscription to EventStoreDB has fallen silent though there are newer events: subscribing again'
        : 'a subscription to EventStoreDB has fallen silent, and whether there are newer events is not found in time: subscribing again',
    );
  }

  private async handOverBatch(batch: Batch, messages: MessageReader, head = -1): Promise<void> {
    const { events, hasCaughtUp } = batch;
    this.isLive = batch.isLive;
    if (events.length === 0 && !hasCaughtUp) return;
    // The server says so behind every event up to the head, and before later ones.
    this.position = Math.max(this.position, events.at(-1)?.position ?? -1, hasCaughtUp ? head : -1);
    await this.handOver(events, this.isLive && !messages.hasMore);
  }

  /**
   * Looks for matching events behind the position. If there are none, moves to the head, and has caught up, whether or
   * not the server says so, as servers before 23.10 do not. The search begins at the position, and is given up when a
   * message comes: it is of what was appended since the last look.
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

  /** Position of the first matching event behind ours, unless a message comes first, or nothing in time. */
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
      // The connection has just answered: this search alone is slow.
      if (interrupt.signal.aborted || error instanceof SilentRead) return 'interrupted';
      throw error;
    } finally {
      over.abort();
    }
  }

  /** Calls the handler. */
  private async handOver(events: readonly RecordedEvent[], caughtUp: boolean): Promise<void> {
    if (this.isStopped) return;
    // An event's checked position, or 0, which stands for the start wherever a position is taken.
    const position = Math.max(0, this.position) as Position;
    try {
      await this.handler({ events, position, caughtUp });
    } catch (error) {
      throw new HandlerFailed(error);
    }
  }

  /** Waits; without a time, until the subscription is stopped. */
  private async pause(ms: number | undefined): Promise<void> {
    const { signal } = this.stopping;
    if (ms !== undefined) await sleep(ms, undefined, { signal }).catch(() => undefined);
    else if (!signal.aborted) await once(signal, 'abort');
  }
}
