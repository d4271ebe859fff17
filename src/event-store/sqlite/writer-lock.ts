import { Database } from '../../platform/sqlite.js';
import { EventLogRefused, reasonOf } from './log-file.js';

/**
 * Claims a log for one writer: an exclusive SQLite lock on an empty file beside it. The operating system
 * releases it however the process ends, and it keeps nobody from reading the log.
 * @param file Canonical path of the log.
 * @returns Releases the claim.
 * @throws {EventLogRefused} when another process, or another store of this one, holds it.
 */
export function claimWriting(file: string): () => void {
  const lockFile = `${file}.lock`;
  let lock: Database | undefined;
  try {
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
