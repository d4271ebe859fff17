import { LRUCache } from 'lru-cache';
import type { Position, Revision } from '../../event-store/port.js';
import type { PerformanceId, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { StreamRepository } from '../stream-repository.js';

interface Issued {
  readonly tokenId: TokenId;
  readonly position: Position;
}

const maxQueues = 64;
/** Of each queue: more than requests are in progress at a time. */
const maxNumbers = 4_096;

/**
 * Whose the newest queue numbers are. Of thousands who join at once each would otherwise read from the log the numbers that
 * all others were given meanwhile.
 */
export class RecentNumbers {
  /** By performance; numbers in the order in which they became known. */
  readonly #queues = new LRUCache<PerformanceId, Map<Revision, Issued>>({ max: maxQueues });

  constructor(private readonly repository: StreamRepository) {}

  /** A number was given. */
  add(performanceId: PerformanceId, number: Revision, issued: Issued): void {
    const known = this.#numbersOf(performanceId);
    known.set(number, issued);
    if (known.size <= maxNumbers) return;
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  }

  /**
   * The lowest number that a token was given after a position; `issued` unless it was given an earlier one.
   * @param issued a number of the token.
   */
  async firstOf(
    tokenId: TokenId,
    performanceId: PerformanceId,
    after: Position,
    issued: Revision,
  ): Promise<Revision> {
    const known = this.#numbersOf(performanceId);
    let read: ReadonlyMap<Revision, Issued> = new Map();
    let first = issued;
    for (let number = issued - 1; number >= 0; number--) {
      let given = known.get(number) ?? read.get(number);
      if (given === undefined) {
        read = await this.#read(performanceId, after, number);
        // Another request may have made it known while the log was read.
        given = read.get(number) ?? known.get(number);
      }
      if (given === undefined || given.position <= after) break;
      if (given.tokenId === tokenId) first = number;
    }
    return first;
  }

  /** The numbers from this one back to one that is known, or was given before the position. */
  async #read(performanceId: PerformanceId, after: Position, number: Revision) {
    const known = this.#numbersOf(performanceId);
    const read = new Map<Revision, Issued>();
    const events = this.repository.eventsBetween(streams.queue(performanceId), after, number + 1);
    for await (const { event, revision, position } of events) {
      if (event.type !== 'TokenIssued' || known.has(revision)) break;
      const issued = { tokenId: event.data.tokenId, position };
      read.set(revision, issued);
      this.add(performanceId, revision, issued);
    }
    return read;
  }

  #numbersOf(performanceId: PerformanceId): Map<Revision, Issued> {
    let known = this.#queues.get(performanceId);
    if (!known) {
      known = new Map();
      this.#queues.set(performanceId, known);
    }
    return known;
  }
}
