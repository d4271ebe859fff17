import { setImmediate as nextTurn } from 'node:timers/promises';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { RecordedEvent } from '../port.js';
import type { ReadStream } from './link.js';
import { recordedEvent } from './records.js';

export interface Batch {
  readonly events: readonly RecordedEvent[];
  /** Whether what follows is sent as it is committed. */
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
 * Reads a subscription's messages by pulling: what is not read stays in the stream's buffer (a few messages), and then
 * on the server, because HTTP/2 flow control stops it from sending.
 */
export class MessageReader {
  private endedWith: { readonly error: unknown } | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly stream: ReadStream) {
    stream.on('readable', () => this.wake());
    stream.on('end', () => this.end(undefined));
    stream.on('error', (error: Error) => this.end(error));
  }

  /** Set when nothing more comes: the error, or undefined for a regular end. */
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
        if (events.length > 0 && (await this.comesMore(isLive))) continue;
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

  private async comesMore(isLive: boolean): Promise<boolean> {
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
