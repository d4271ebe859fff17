import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../platform/within.js';
import {
  type Position,
  type RecordedEvent,
  StoreUnavailable,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../port.js';
import type { Client, Connection } from './connection.js';
import { backoffMs, failureOf } from './failures.js';
import type { ReadStream, streams } from './protocol.js';
import { type Reader, SilentRead } from './reader.js';
import { type LogFilter, logPositionOf, logSubscription, passesNothing, recordedEvent } from './records.js';

/**
 * Finds the start of subscriptions "from the end". It must be before everything that this process appends afterwards,
 * so appends wait until it is known.
 */
export class SubscriptionStarts {
  private readonly pending = new Set<Promise<void>>();

  constructor(private readonly reader: Reader) {}

  /** Whether an append has to wait. */
  get isPending(): boolean {
    return this.pending.size > 0;
  }

  /** Resolves when the start of every subscription is known. */
  async known(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  /**
   * The position to begin after; undefined when the subscription is stopped before it is known.
   * @param isStopped Whether the subscription is no longer wanted.
   */
  of(after: SubscribeOptions['after'], isStopped: () => boolean): Promise<Position | 'start' | undefined> {
    if (after !== 'end') return Promise.resolve(after);
    const start = this.end(isStopped);
    const settled: Promise<void> = start.then(
      () => this.forget(settled),
      () => this.forget(settled),
    );
    this.pending.add(settled);
    return start;
  }

  private forget(settled: Promise<void>): void {
    this.pending.delete(settled);
  }

  private async end(isStopped: () => boolean): Promise<Position | 'start' | undefined> {
    for (let failures = 1; ; failures++) {
      try {
        return (await this.reader.head()) ?? 'start';
      } catch (error) {
        if (isStopped()) return undefined;
        if (!(error instanceof StoreUnavailable)) throw error;
        await sleep(backoffMs(failures, 50, 1_000));
      }
    }
  }
}

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
const firstCheckMs = 500;

/** How long an event that is in the log may take to arrive before the subscription counts as broken. */
const graceMs = 500;

/** A live subscription that gets checkpoints checks the log at most once in this time. */
const checkpointCheckMs = 1_000;

/** Upper limit for discovery and connecting together; the connection string may allow more attempts and longer intervals. */
const connectTimeoutMs = 30_000;

/** An error of the handler, as opposed to one of the connection. */
class HandlerFailed extends Error {
  constructor(override readonly cause: unknown) {
    super('the handler of a subscription failed');
  }
}

/** The server sends nothing although there are, or may be, newer events. */
class SubscriptionSilent extends Error {}

/** The result of checking the log for events after a subscription's position. */
type LogCheck = 'nothing' | 'newer events' | 'interrupted';

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
    const client = await connection.current();
    this.isLive = false;
    try {
      // Read before subscribing: once the subscription has caught up, everything up to this head was searched.
      const head = await reader.headOn(client);
      const connecting = client.read(
        logSubscription(logPositionOf(this.position), this.filter),
        Number.POSITIVE_INFINITY,
      );
      const messages = new MessageReader(
        await within(connectTimeoutMs, 'connecting to EventStoreDB', connecting),
      );
      this.messages = messages;
      if (!this.isStopped) await this.deliver(messages, client, head);
      if (messages.ended?.error !== undefined) throw messages.ended.error;
    } catch (error) {
      const isOurs = error instanceof HandlerFailed || error instanceof SubscriptionSilent;
      if (!isOurs && !this.isStopped) {
        const failure = failureOf(error);
        if (failure.kind === 'transient') connection.retire(client, failure.reason);
      }
      throw error;
    } finally {
      this.messages?.cancel();
      this.messages = undefined;
    }
  }

  /** @param head Position of the newest event before the call was made. */
  private async deliver(messages: MessageReader, client: Client, head: Position | undefined): Promise<void> {
    const { silenceMs } = this.source;
    let silentSinceMs = performance.now();
    let checkAfterMs = Math.min(firstCheckMs, silenceMs);
    let checkedAtMs = Number.NEGATIVE_INFINITY;
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
        checkAfterMs = Math.min(firstCheckMs, silenceMs);
      } else if (messages.ended) {
        return;
      }
      const checkAtMs = hasCheckpoint
        ? checkedAtMs + checkpointCheckMs
        : silentSinceMs + (this.isLive ? silenceMs : checkAfterMs);
      const waitMs = checkAtMs - performance.now();
      // Messages are read before a check, unless the check is due: a series of checkpoints must not delay it for ever.
      if (messages.hasMore && (waitMs > 0 || !hasCheckpoint)) continue;
      if (waitMs > 0 && (await messages.wait(waitMs))) continue;
      const isSilent = !hasCheckpoint;
      hasCheckpoint = false;
      const found = await this.checkLog(messages, client);
      checkedAtMs = performance.now();
      checkAfterMs = Math.min(checkAfterMs * 2, silenceMs);
      if (found === 'nothing') silentSinceMs = checkedAtMs;
      else if (isSilent && checkedAtMs - silentSinceMs >= silenceMs)
        await this.awaitMessages(messages, found);
    }
  }

  /** @throws {SubscriptionSilent} when nothing arrives although there are, or may be, newer events. */
  private async awaitMessages(messages: MessageReader, found: LogCheck): Promise<void> {
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
    await this.callHandler(events, this.isLive && !messages.hasMore);
  }

  /**
   * Checks the log for matching events after the position. If there are none, moves the position to the head and counts
   * as caught up even if the server does not report it, as servers before 23.10 do not. The search begins at the
   * position and is given up when a message arrives; it covers what was appended since the last check.
   */
  private async checkLog(messages: MessageReader, client: Client): Promise<LogCheck> {
    const head = (await this.source.reader.headOn(client)) ?? -1;
    if (head > this.position) {
      const next = await this.firstNewer(messages, client);
      if (next === 'interrupted') return next;
      if (next !== undefined && next <= head) return 'newer events';
    } else if (this.isLive) {
      return 'nothing';
    }
    this.position = Math.max(this.position, head);
    this.isLive = true;
    await this.callHandler([], !messages.hasMore);
    return 'nothing';
  }

  /** Position of the first matching event after ours; `interrupted` when a message comes first or the search is too slow. */
  private async firstNewer(
    messages: MessageReader,
    client: Client,
  ): Promise<Position | undefined | 'interrupted'> {
    const { reader } = this.source;
    const interrupt = new AbortController();
    const over = new AbortController();
    void messages.wait(reader.timeoutMs, over.signal).then((hasCome) => hasCome && interrupt.abort());
    try {
      return await reader.firstAfterOn(client, this.position, this.filter, interrupt.signal);
    } catch (error) {
      // The connection has just answered, so only this search is slow.
      if (interrupt.signal.aborted || error instanceof SilentRead) return 'interrupted';
      throw error;
    } finally {
      over.abort();
    }
  }

  private async callHandler(events: readonly RecordedEvent[], caughtUp: boolean): Promise<void> {
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

interface Batch {
  readonly events: readonly RecordedEvent[];
  /** Whether the following events are sent as they are committed. */
  readonly isLive: boolean;
  /** Whether the server has just reported that everything up to its end of the log has been sent. */
  readonly hasCaughtUp: boolean;
  /** Whether the server has sent a checkpoint: it has searched many events, few of which match. */
  readonly hasCheckpoint: boolean;
  /** Number of messages of any kind, which shows that the server is alive. */
  readonly messages: number;
}

/** While catching up, how long a batch may wait for more events. */
const lingerMs = 5;

/**
 * Reads a subscription's messages on demand. Messages that are not read stay in the stream's buffer (a few) and then on
 * the server, because HTTP/2 flow control stops it from sending.
 */
class MessageReader {
  private endedWith: { readonly error: unknown } | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly stream: ReadStream) {
    stream.on('readable', () => this.wake());
    stream.on('end', () => this.end(undefined));
    stream.on('error', (error: Error) => this.end(error));
  }

  /** Set when the stream has ended: with the error, or undefined for a regular end. */
  get ended(): { readonly error: unknown } | undefined {
    return this.endedWith;
  }

  /** Whether a message can be read without waiting. */
  get hasMore(): boolean {
    return this.stream.readableLength > 0;
  }

  /**
   * Waits for a message or the end; false when neither came within `timeoutMs`. {@link cancel} ends it too.
   * @param signal Ends the wait early, with false.
   */
  async wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.hasMore || this.endedWith) return true;
    return new Promise((resolve) => {
      const finish = (hasCome: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(arrived);
        signal?.removeEventListener('abort', aborted);
        resolve(hasCome);
      };
      const arrived = (): void => finish(true);
      const aborted = (): void => finish(false);
      const timer = setTimeout(aborted, timeoutMs);
      this.waiting.add(arrived);
      signal?.addEventListener('abort', aborted);
    });
  }

  /**
   * Returns what has arrived: at most `limit` events, without those at or before `after`. Waits only when it has an
   * event already, and then at most {@link lingerMs}.
   * @throws {UnreadableEvent} when an event was not written by the product.
   */
  async readBatch(options: {
    readonly after: number;
    readonly limit: number;
    readonly wasLive: boolean;
  }): Promise<Batch> {
    const events: RecordedEvent[] = [];
    let isLive = options.wasLive;
    let hasCaughtUp = false;
    let hasCheckpoint = false;
    let messages = 0;
    while (events.length < options.limit) {
      const message = this.read();
      if (message === undefined) {
        if (events.length > 0 && (await this.moreArrives(isLive))) continue;
        break;
      }
      messages += 1;
      const recorded = message.getEvent()?.getEvent();
      if (recorded !== undefined) {
        const event = recordedEvent(recorded);
        // After subscribing again the server may begin before the position asked for.
        if (event.position > (events.at(-1)?.position ?? options.after)) events.push(event);
      }
      if (message.hasCheckpoint()) hasCheckpoint = true;
      if (message.hasFellBehind()) isLive = false;
      if (message.hasCaughtUp()) isLive = hasCaughtUp = true;
    }
    return { events, isLive, hasCaughtUp, hasCheckpoint, messages };
  }

  /** Cancels the call. */
  cancel(): void {
    this.stream.cancel();
    this.end(undefined);
  }

  private read(): streams.ReadResp | undefined {
    // In object mode, which this stream is in, read() returns one message or null.
    return (this.stream.read() as streams.ReadResp | null) ?? undefined;
  }

  private async moreArrives(isLive: boolean): Promise<boolean> {
    if (this.endedWith) return false;
    // Events committed together arrive together, but the stream emits them in several turns of the event loop.
    if (isLive) await nextTurn();
    else await this.wait(lingerMs);
    return this.hasMore;
  }

  private end(error: unknown): void {
    this.endedWith ??= { error };
    this.wake();
  }

  private wake(): void {
    for (const arrived of this.waiting) arrived();
  }
}
