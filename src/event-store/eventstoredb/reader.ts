import { setTimeout as sleep } from 'node:timers/promises';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { type Position, type RecordedEvent, type StoredEvent, StoreUnavailable } from '../port.js';
import type { ReadPage } from '../read-page.js';
import { backoffMs } from './backoff.js';
import type { Connection } from './connection.js';
import { failureOf } from './failures.js';
import type { Link } from './link.js';
import { type LogPlace, placeOf, positionOf } from './positions.js';
import { recordedEvent, storedEvent } from './records.js';
import { type LogFilter, logRead, streamRead } from './requests.js';
import { within } from './within.js';

type Recorded = streams.ReadResp.ReadEvent.RecordedEvent;

/** However slowly events come, a page is given up after this. */
const longestReadMs = 60_000;

/**
 * Reads pages. A read that fails, or falls silent, is repeated on another connection until its time is up. One that
 * brings events is left alone: begun anew, a slow one would not be faster.
 */
export class Reader {
  /** @param timeoutMs After which a read that does not get on is given up as StoreUnavailable, all attempts together. */
  constructor(
    private readonly connection: Pick<Connection, 'current' | 'worked' | 'retire'>,
    private readonly timeoutMs: number,
  ) {}

  /** A page of a stream; empty when there is none. */
  async readStream(stream: string, page: ReadPage): Promise<RecordedEvent[]> {
    if (page.from === Number.NEGATIVE_INFINITY && page.direction === 'backwards') {
      return this.records(streamRead(stream, { ...page, from: 0, limit: 1 }));
    }
    return this.records(streamRead(stream, page));
  }

  /** A page of the log, `page.from` inclusive both ways. */
  async readLog(page: ReadPage, filter: LogFilter): Promise<RecordedEvent[]> {
    const { from, direction, limit } = page;
    if (from === Number.POSITIVE_INFINITY) {
      return direction === 'forwards' ? [] : this.records(logRead('end', direction, limit, filter));
    }
    const place = placeOf(from);
    if (direction === 'forwards') return this.records(logRead(place, direction, limit, filter));
    // Backwards EventStoreDB leaves out the event at the position: it is the first one forwards.
    const [first] = await this.records(logRead(place, 'forwards', 1, filter));
    const isFirst = first !== undefined && (first.position === from || from === Number.NEGATIVE_INFINITY);
    if (place === 'start') return isFirst ? [first] : [];
    if (!isFirst) return this.records(logRead(place, direction, limit, filter));
    if (limit === 1) return [first];
    return [first, ...(await this.records(logRead(place, direction, limit - 1, filter)))];
  }

  /** The log's events as they are kept, from an event's position on, inclusive; none of the server's own. */
  async readStored(from: number | undefined, limit: number): Promise<StoredEvent[]> {
    const place = from === undefined ? 'start' : placeOf(from);
    return (await this.read(logRead(place, 'forwards', limit, { kind: 'all' }))).map(storedEvent);
  }

  /** Position of the newest event of a kind, undefined when there is none. */
  async newest(filter: LogFilter): Promise<Position | undefined> {
    return this.lastBefore('end', filter);
  }

  /** Position of the last event that ends at a place or before, undefined when there is none. */
  async lastBefore(place: LogPlace, filter: LogFilter): Promise<Position | undefined> {
    const [last] = await this.read(logRead(place, 'backwards', 1, filter));
    return last && positionOf(last.getCommitPosition(), last.getPreparePosition());
  }

  private async records(request: streams.ReadReq): Promise<RecordedEvent[]> {
    return (await this.read(request)).map(recordedEvent);
  }

  private async read(request: streams.ReadReq): Promise<Recorded[]> {
    const deadlineMs = Date.now() + this.timeoutMs;
    for (let failures = 1; ; failures++) {
      const link = await this.connection.current();
      const attempt = await this.attempt(link, request, deadlineMs);
      if (attempt.kind === 'read') {
        this.connection.worked(link);
        return attempt.events;
      }
      if (attempt.kind === 'permanent') throw attempt.error;
      this.connection.retire(link, attempt.reason);
      const waitMs = backoffMs(failures, 20, 1_000);
      if (Date.now() + waitMs >= deadlineMs) {
        throw new StoreUnavailable(`EventStoreDB does not answer a read: ${attempt.reason}`);
      }
      await sleep(waitMs);
    }
  }

  private async attempt(link: Link, request: streams.ReadReq, deadlineMs: number) {
    // Half of the time left, so that a read that hangs gets another chance.
    const silenceMs = Math.max(50, (deadlineMs - Date.now()) / 2);
    let watchdog: NodeJS.Timeout | undefined;
    try {
      const connecting = link.read(request, Date.now() + longestReadMs);
      const stream = await within(silenceMs, 'connecting to EventStoreDB', connecting);
      let isSilent = false;
      watchdog = setTimeout(() => {
        isSilent = true;
        stream.cancel();
      }, silenceMs);
      const events: Recorded[] = [];
      try {
        for await (const response of stream) {
          watchdog.refresh();
          // A call made for reading answers with these messages.
          const recorded = (response as streams.ReadResp).getEvent()?.getEvent();
          if (recorded !== undefined) events.push(recorded);
        }
      } catch (error) {
        if (isSilent) throw new Error(`nothing came for ${Math.round(silenceMs)} ms`);
        throw error;
      }
      return { kind: 'read' as const, events };
    } catch (error) {
      return failureOf(error);
    } finally {
      clearTimeout(watchdog);
    }
  }
}
