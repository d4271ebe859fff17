import { setTimeout as sleep } from 'node:timers/promises';
import { TimedOut, within } from '../../platform/within.js';
import { type Position, type RecordedEvent, type StoredEvent, StoreUnavailable } from '../port.js';
import type { ReadPage } from '../reading.js';
import type { Client, Connection } from './connection.js';
import { backoffMs, failureOf } from './failures.js';
import { streams } from './protocol.js';
import {
  type LogFilter,
  logPositionOf,
  logRead,
  passes,
  positionOf,
  recordedEvent,
  storedEvent,
  streamOf,
  streamRead,
} from './records.js';

type Recorded = streams.ReadResp.ReadEvent.RecordedEvent;

/** Time limit of one page, even while events still arrive. */
const longestReadMs = 60_000;

/** How long a connection may take to answer the quick read. */
const probeMs = 1_000;

/** The server sent nothing in time. */
export class SilentRead extends Error {
  override readonly name = 'SilentRead';
}

/**
 * Reads pages. A read that fails, or receives nothing for too long, is repeated on another connection until its time
 * limit. A read that still receives events is not interrupted: repeated, it would not be faster.
 *
 * A filtered read is a search: when few events match, the server searches a large part of the log before it sends
 * anything. When such a read receives nothing, the connection is tested with a quick read. If that is answered, only
 * the search fails, and the connection, which all appends and subscriptions share, is kept.
 */
export class Reader {
  /** @param timeoutMs A read that makes no progress for so long fails as StoreUnavailable, all attempts together. */
  constructor(
    private readonly connection: Pick<Connection, 'current' | 'worked' | 'retire'>,
    readonly timeoutMs: number,
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
      return direction === 'forwards' ? [] : this.search(logRead('end', direction, limit, filter));
    }
    const logPosition = logPositionOf(from);
    if (direction === 'forwards') return this.search(logRead(logPosition, direction, limit, filter));
    if (logPosition === 'start') {
      const [first] = await this.search(logRead(logPosition, 'forwards', 1, filter));
      return first !== undefined && (first.position === from || from === Number.NEGATIVE_INFINITY)
        ? [first]
        : [];
    }
    // A backwards read leaves out the event at the position: it is the first one of a forwards read.
    const [at] = await this.read(logRead(logPosition, 'forwards', 1, { kind: 'everything' }));
    const isWanted = at !== undefined && positionIn(at) === from && passes(filter, streamOf(at));
    if (!isWanted) return this.search(logRead(logPosition, direction, limit, filter));
    const first = recordedEvent(at);
    if (limit === 1) return [first];
    return [first, ...(await this.search(logRead(logPosition, direction, limit - 1, filter)))];
  }

  /** Events as they are stored, from an event's position on, inclusive; without the server's own. */
  async readStored(from: number | undefined, limit: number): Promise<StoredEvent[]> {
    const logPosition = from === undefined ? 'start' : logPositionOf(from);
    return (
      await this.read(logRead(logPosition, 'forwards', limit, { kind: 'all' }), { isSearch: true })
    ).map(storedEvent);
  }

  /** Position of the newest event that is not the server's own; undefined when there is none. */
  async head(): Promise<Position | undefined> {
    const [last] = await this.read(headRequest(), { isSearch: true });
    return last && positionIn(last);
  }

  /** The event of a stream at a revision, or the next one that exists; in one attempt on the given connection. */
  async eventOn(
    client: Pick<Client, 'read'>,
    stream: string,
    revision: number,
  ): Promise<RecordedEvent | undefined> {
    const request = streamRead(stream, { direction: 'forwards', from: revision, limit: 1 });
    const [event] = await this.attempt(client, request, this.timeoutMs);
    return event && recordedEvent(event);
  }

  /**
   * {@link head}, in one attempt on the given connection.
   * @throws {SilentRead} when the server sent nothing in time; or the error of the call.
   */
  async headOn(client: Client): Promise<Position | undefined> {
    const [last] = await this.attempt(client, headRequest(), this.timeoutMs);
    return last && positionIn(last);
  }

  /**
   * Position of the first matching event after another one, undefined when there is none; in one attempt on the given
   * connection.
   * @param position An event's, or less than 0 for the start of the log.
   * @param signal Cancels the search.
   * @throws {SilentRead} when the server sent nothing in time; or the error of the call.
   */
  async firstAfterOn(
    client: Client,
    position: number,
    filter: LogFilter,
    signal: AbortSignal,
  ): Promise<Position | undefined> {
    // Forwards the position is inclusive, and the event there may match.
    const request = logRead(logPositionOf(position), 'forwards', 2, filter);
    const events = await this.attempt(client, request, this.timeoutMs, signal);
    return events.map(positionIn).find((found) => found > position);
  }

  private async records(request: streams.ReadReq): Promise<RecordedEvent[]> {
    return (await this.read(request)).map(recordedEvent);
  }

  private async search(request: streams.ReadReq): Promise<RecordedEvent[]> {
    return (await this.read(request, { isSearch: true })).map(recordedEvent);
  }

  private async read(request: streams.ReadReq, { isSearch = false } = {}): Promise<Recorded[]> {
    const deadlineMs = Date.now() + this.timeoutMs;
    for (let failures = 1; ; failures++) {
      const client = await this.connection.current();
      // Half of the time left, so that a read that hangs gets another attempt.
      const silenceMs = Math.max(50, (deadlineMs - Date.now()) / 2);
      // The last attempts are short: receiving nothing in them proves nothing about a connection that others use.
      const isShort = silenceMs < this.timeoutMs / 6;
      let reason: string;
      let isOverdue = false;
      try {
        const events = await this.attempt(client, request, silenceMs);
        this.connection.worked(client);
        return events;
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind === 'permanent') throw failure.error;
        ({ reason } = failure);
        isOverdue = error instanceof SilentRead || error instanceof TimedOut;
        if (isSearch && error instanceof SilentRead && (await this.answers(client))) {
          throw new StoreUnavailable(`EventStoreDB did not finish a search of the log in time: ${reason}`);
        }
      }
      if (!(isShort && isOverdue)) this.connection.retire(client, reason);
      const waitMs = backoffMs(failures, 20, 1_000);
      if (Date.now() + waitMs >= deadlineMs) {
        throw new StoreUnavailable(`EventStoreDB does not answer a read: ${reason}`);
      }
      await sleep(waitMs);
    }
  }

  /** Whether a connection still answers: reading the last event of any kind needs no search. */
  private async answers(client: Client): Promise<boolean> {
    const request = logRead('end', 'backwards', 1, { kind: 'everything' });
    return this.attempt(client, request, Math.min(probeMs, this.timeoutMs)).then(
      () => true,
      () => false,
    );
  }

  /**
   * One attempt on one connection, which is kept when the attempt fails.
   * @throws {SilentRead} when the server sent nothing for `silenceMs`; or the error of the call.
   */
  private async attempt(
    client: Pick<Client, 'read'>,
    request: streams.ReadReq,
    silenceMs: number,
    signal?: AbortSignal,
  ): Promise<Recorded[]> {
    const connecting = client.read(request, Date.now() + longestReadMs);
    const stream = await within(silenceMs, 'connecting to EventStoreDB', connecting);
    let isSilent = false;
    const watchdog = setTimeout(() => {
      isSilent = true;
      stream.cancel();
    }, silenceMs);
    const giveUp = (): void => stream.cancel();
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp);
    const events: Recorded[] = [];
    try {
      for await (const response of stream) {
        watchdog.refresh();
        // A call made for reading answers with these messages.
        const recorded = (response as streams.ReadResp).getEvent()?.getEvent();
        if (recorded !== undefined) events.push(recorded);
      }
      return events;
    } catch (error) {
      if (isSilent) throw new SilentRead(`the server sent nothing for ${Math.round(silenceMs)} ms`);
      throw error;
    } finally {
      clearTimeout(watchdog);
      signal?.removeEventListener('abort', giveUp);
    }
  }
}

function headRequest(): streams.ReadReq {
  return logRead('end', 'backwards', 1, { kind: 'all' });
}

function positionIn(recorded: Recorded): Position {
  return positionOf(recorded.getCommitPosition(), recorded.getPreparePosition());
}
