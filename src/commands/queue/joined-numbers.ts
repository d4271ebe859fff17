import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { JoinedNumbers } from '../../domain/admission.js';
import { JoinedDigest } from '../../domain/shuffle.js';
import type { PerformanceId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { StreamRepository } from '../stream-repository.js';

/** Numbers that are remembered, of all queues together, at some 60 bytes; a queue beyond is read from its beginning. */
const maxRemembered = 2_000_000;

interface Reading {
  readonly digest: JoinedDigest;
  /** Numbers below it are in the digest. */
  count: number;
  /** One read at a time: each continues where the one before ended. */
  last: Promise<unknown>;
}

/**
 * How many numbers a queue has given, with the digest of their tokens. Asked before the opening, again and again, so that the
 * opening has only the newest numbers to read: 200,000 at once would take seconds.
 */
@Injectable()
export class JoinedReader {
  readonly #queues = new LRUCache<PerformanceId, Reading>({
    maxSize: maxRemembered,
    sizeCalculation: ({ count }) => count + 1,
  });

  constructor(private readonly repository: StreamRepository) {}

  /** Everything that the queue's stream has now. */
  of(performanceId: PerformanceId): Promise<JoinedNumbers> {
    let reading = this.#queues.get(performanceId);
    if (!reading) {
      reading = { digest: new JoinedDigest(), count: 0, last: Promise.resolve() };
      this.#queues.set(performanceId, reading);
    }
    const { last } = reading;
    const read = last.then(() => this.#readOn(performanceId, reading));
    reading.last = read.catch(() => undefined);
    return read;
  }

  /** The queue has opened. */
  forget(performanceId: PerformanceId): void {
    this.#queues.delete(performanceId);
  }

  async #readOn(performanceId: PerformanceId, reading: Reading): Promise<JoinedNumbers> {
    const events = this.repository.eventsFrom(streams.queue(performanceId), reading.count);
    for await (const { event, revision } of events) {
      if (event.type === 'TokenIssued') reading.digest.add(revision, event.data.tokenId);
      reading.count = revision + 1;
    }
    // Its size has changed.
    if (this.#queues.peek(performanceId) === reading) {
      this.#queues.delete(performanceId);
      this.#queues.set(performanceId, reading);
    }
    return { shuffledCount: reading.count, tokensDigest: reading.digest.value };
  }
}
