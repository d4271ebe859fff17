import type { EventStore, RecordedEvent } from '../port.js';
import { Appender } from './appender.js';
import { Connection } from './connection.js';
import { EventStoreDb } from './event-store-db.js';
import { Reader } from './reader.js';
import { StartOfSubscriptions } from './start-of-subscriptions.js';
import { targetOf } from './target.js';

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`, see docs/eventstoredb.md. */
  readonly connectionString: string;
  /** An append is given up as StoreUnavailable after this long, all attempts together; default 15 s. */
  readonly appendTimeoutMs?: number;
  /** An append's answer missing for so long counts as lost and it is tried again; default 4 s. */
  readonly attemptTimeoutMs?: number;
  /** A read that does not get on is given up after this long, all attempts together; default 10 s. */
  readonly readTimeoutMs?: number;
  /** close() waits so long for accepted appends, then gives them up; default 5 s. */
  readonly closeTimeoutMs?: number;
  /** A subscription silent for so long is compared with the log; default 15 s. */
  readonly silenceMs?: number;
  /** Appends waiting for their answers beyond which new ones are turned away as busy; default 20,000. */
  readonly maxWaitingAppends?: number;
  /** Their JSON bytes likewise; default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** Called when the server is lost and when it is back, and when a subscription receives nothing; default: ignored. */
  readonly warn?: (message: string) => void;
  /**
   * Checks on each new connection, before anything else, that it leads to the same log.
   * @throws {LogReplaced} when it is another log: then nothing is read or appended any more.
   */
  readonly recognise?: (
    eventAt: (stream: string, revision: number) => Promise<RecordedEvent | undefined>,
  ) => Promise<void>;
}

/**
 * The event store on EventStoreDB 23.10 or later. Connects when first used, and again whenever it must.
 * @throws {Error} when the connection string is malformed.
 */
export function openEventStoreDb(options: EventStoreDbOptions): EventStore {
  const { appendTimeoutMs = 15_000, attemptTimeoutMs = 4_000, readTimeoutMs = 10_000 } = options;
  const { maxWaitingAppends = 20_000, maxWaitingBytes = 64 * 1024 * 1024, silenceMs = 15_000 } = options;
  const warn = options.warn ?? (() => {});
  const connection = new Connection(targetOf(options.connectionString), warn, async (link) =>
    options.recognise?.((stream, revision) => reader.eventOn(link, stream, revision)),
  );
  const reader = new Reader(connection, readTimeoutMs);
  const starts = new StartOfSubscriptions(reader);
  const appender = new Appender({
    connection,
    reader,
    starts,
    appendTimeoutMs,
    attemptTimeoutMs,
    maxWaitingAppends,
    maxWaitingBytes,
  });
  return new EventStoreDb({
    connection,
    reader,
    appender,
    starts,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    silenceMs,
    warn,
  });
}
