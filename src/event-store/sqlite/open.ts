import { Worker } from 'node:worker_threads';
import { compiledFile } from '../../platform/compiled-file.js';
import type { EventStore } from '../port.js';
import { canonicalPath, EventLogRefused, openForReading } from './log-file.js';
import type { FromWriter } from './messages.js';
import { Reader } from './reader.js';
import { SqliteEventStore } from './sqlite-event-store.js';
import { WriterClient, type WriterClientOptions } from './writer-client.js';

export interface SqliteOptions {
  /** Path of the log; created when there is none, unless `readOnly`. */
  readonly file: string;
  /** The store's clock, milliseconds since 1970; default the system's. */
  readonly nowMs?: () => number;
  /** Reads beside the process that writes, or a log nobody writes; appends are refused. Default false. */
  readonly readOnly?: boolean;
  /** Appends waiting for the disk beyond which new ones are turned away as busy; default 20,000. */
  readonly maxWaitingAppends?: number;
  /** Their JSON bytes likewise; default 64 MiB. */
  readonly maxWaitingBytes?: number;
}

/**
 * Opens an event log in one SQLite file: a thread of its own writes, group commit, every append on disk before
 * it resolves. One process writes a file at a time; any number may read it.
 * @throws {EventLogRefused} when the file is in use by another writer, damaged, or no event log of this version.
 */
export async function openSqliteEventStore(options: SqliteOptions): Promise<EventStore> {
  const file = canonicalPath(options.file);
  if (options.readOnly) {
    const reader = new Reader(openForReading(file), file);
    return new SqliteEventStore(reader, reader.head());
  }
  const worker = new Worker(compiledFile(import.meta.url, './writer-thread.js'), {
    workerData: file,
    execArgv: [],
  });
  const head = await started(worker);
  try {
    const connectWriter = (onCommitted: WriterClientOptions['onCommitted']) =>
      new WriterClient({
        worker,
        nowMs: options.nowMs ?? Date.now,
        maxWaitingAppends: options.maxWaitingAppends ?? 20_000,
        maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
        onCommitted,
      });
    return new SqliteEventStore(new Reader(openForReading(file), file), head, connectWriter);
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** Position of the newest event, once the writer thread has the log open. */
async function started(worker: Worker): Promise<number> {
  const message = await new Promise<FromWriter>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new EventLogRefused('the writer thread stopped while opening the log')));
  });
  if (message.kind === 'ready') return message.head;
  await worker.terminate();
  throw new EventLogRefused(message.kind === 'refused' ? message.reason : `unexpected ${message.kind}`);
}
