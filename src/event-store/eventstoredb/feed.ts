import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadStream } from './link.js';

/**
 * A subscription's stream of messages, pulled: what is not read stays with the stream, a handful of messages,
 * and then with the server, whose sending HTTP/2 holds back.
 */
export class Feed {
  /** Set when nothing more comes: the error, or undefined for a regular end. */
  private endedWith: { readonly error: unknown } | undefined;
  private wake: (() => void) | undefined;

  constructor(private readonly stream: ReadStream) {
    stream.on('readable', () => this.wake?.());
    stream.on('end', () => this.end(undefined));
    stream.on('error', (error: Error) => this.end(error));
  }

  /** How it ended, if it has. */
  get ended(): { readonly error: unknown } | undefined {
    return this.endedWith;
  }

  /** Whether a message can be had at once. */
  get hasMore(): boolean {
    return this.stream.readableLength > 0;
  }

  /** The next message, if it has come. */
  read(): streams.ReadResp | undefined {
    // In object mode, which this stream is in, read() returns one message or null.
    return (this.stream.read() as streams.ReadResp | null) ?? undefined;
  }

  /** Waits for a message or the end, at most so long; false when neither came. {@link cancel} ends it too. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (this.hasMore || this.endedWith) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.wake = undefined;
        resolve(false);
      }, timeoutMs);
      this.wake = () => {
        this.wake = undefined;
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  /** Lets go of the call. */
  cancel(): void {
    this.stream.cancel();
    this.end(undefined);
  }

  private end(error: unknown): void {
    this.endedWith ??= { error };
    this.wake?.();
  }
}
