import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { createPrivateFile } from '../../platform/data-folder.js';
import { Database, DatabaseOptions } from '../../platform/sqlite.js';

/** The file cannot be used as an event log; the message names the file and the reason. */
export class EventLogRefused extends Error {
  override readonly name = 'EventLogRefused';
}

/** "boxo": in the file's header, which tells it from other SQLite files. */
const applicationId = 0x626f786f;
const schemaVersion = 1;
const pageBytes = 8192;
/** Pages in the write-ahead log that make a commit copy them into the main file. */
const checkpointPages = 4000;
const maxIdleWalBytes = 64 * 1024 * 1024;
const writerCacheKib = 64 * 1024;
const readerCacheKib = 16 * 1024;
/** Only another program's tool can hold the write lock; an append must not wait long for it. */
const lockTimeoutMs = 250;

// The category is repeated on each event so that one index answers a category in log order: SQLite keeps equal
// keys of an index in the order of the primary key.
// No foreign key: the writer is the only one to write, and checking would cost a lookup per event.
const schema = `
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    category TEXT NOT NULL,
    UNIQUE (stream, revision)
  ) STRICT;
  CREATE INDEX events_by_category ON events (category);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * The path of `file` with links resolved, so that two names of one file share a lock.
 * @throws {EventLogRefused} when its folder does not exist.
 */
export function canonicalPath(file: string): string {
  const path = resolve(file);
  if (existsSync(path)) return realpathSync(path);
  if (!existsSync(dirname(path))) throw new EventLogRefused(`event log ${file}: its folder does not exist`);
  return join(realpathSync(dirname(path)), basename(path));
}

/**
 * Opens the log for writing, creating it when there is none. Every commit is on disk before it returns.
 * @throws {EventLogRefused} when the file is no event log of this version or is damaged.
 */
export function openForWriting(file: string): Database {
  if (sizeOf(file) === 0 && sizeOf(`${file}-wal`) > 0) {
    // SQLite would delete the -wal file and start empty.
    throw new EventLogRefused(`event log ${file} is missing, but ${file}-wal holds events of it`);
  }
  return openChecked(file, { timeout: lockTimeoutMs, isPrivate: true }, (database) => {
    // Takes effect only while the file is empty.
    database.pragma(`page_size = ${pageBytes}`);
    database.pragma('journal_mode = WAL');
    if (isBlank(database)) database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
    assertOurs(database, file);
    database.pragma('synchronous = FULL');
    database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
    database.pragma(`journal_size_limit = ${maxIdleWalBytes}`);
    database.pragma(`cache_size = -${writerCacheKib}`);
    assertReadable(database);
  });
}

/**
 * Opens an existing log for reading, also while another process writes it.
 * @throws {EventLogRefused} when there is none, or the file is no event log of this version or is damaged.
 */
export function openForReading(file: string): Database {
  if (sizeOf(file) === 0) throw new EventLogRefused(`there is no event log at ${file}`);
  return openChecked(file, { readonly: true, fileMustExist: true }, (database) => {
    assertOurs(database, file);
    database.pragma(`cache_size = -${readerCacheKib}`);
    assertReadable(database);
  });
}

/** SQLite's text and code of a failure, for messages. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return `${error.message} (${String(error.code)})`;
  return error instanceof Error ? error.message : String(error);
}

function openChecked(
  file: string,
  { isPrivate = false, ...options }: DatabaseOptions & { readonly isPrivate?: boolean },
  prepare: (database: Database) => void,
): Database {
  let database: Database | undefined;
  try {
    if (isPrivate) createPrivateFile(file);
    database = new Database(file, options);
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof EventLogRefused) throw error;
    throw new EventLogRefused(`event log ${file} cannot be opened: ${reasonOf(error)}`, { cause: error });
  }
}

function assertOurs(database: Database, file: string): void {
  if (database.pragma('application_id', { simple: true }) !== applicationId) {
    throw new EventLogRefused(`${file} is not a boxoffice event log`);
  }
  const version = database.pragma('user_version', { simple: true });
  if (version !== schemaVersion) {
    throw new EventLogRefused(
      `event log ${file} has version ${version}; this program reads ${schemaVersion}`,
    );
  }
}

/** Nothing was ever stored: a new file, or one whose creation was interrupted. */
function isBlank(database: Database): boolean {
  return (
    database.pragma('application_id', { simple: true }) === 0 &&
    database.pragma('user_version', { simple: true }) === 0 &&
    database.prepare('SELECT 1 FROM sqlite_master').get() === undefined
  );
}

/** Reads both ends of every table and index, so that a damaged file is found now and not at the first append. */
function assertReadable(database: Database): void {
  for (const end of ['ASC', 'DESC']) {
    database.prepare(`SELECT * FROM events ORDER BY position ${end} LIMIT 1`).get();
    database.prepare(`SELECT * FROM events ORDER BY stream ${end}, revision ${end} LIMIT 1`).get();
    database.prepare(`SELECT * FROM events ORDER BY category ${end}, position ${end} LIMIT 1`).get();
    database.prepare(`SELECT * FROM streams ORDER BY name ${end} LIMIT 1`).get();
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Claims a log for one writer: an exclusive SQLite lock on an empty file beside it. The operating system
 * releases it however the process ends. It does not block readers of the log.
 * @param file Canonical path of the log.
 * @returns Releases the claim.
 * @throws {EventLogRefused} when another process, or another store of this one, holds it.
 */
export function claimWriting(file: string): () => void {
  const lockFile = `${file}.lock`;
  let lock: Database | undefined;
  try {
    createPrivateFile(lockFile);
    lock = new Database(lockFile, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    const held = lock;
    return () => held.close();
  } catch (error) {
    lock?.close();
    if (isBusy(error)) throw new EventLogRefused(`event log ${file} is in use by another boxoffice process`);
    throw new EventLogRefused(`event log ${file}: cannot lock ${lockFile}: ${reasonOf(error)}`);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
