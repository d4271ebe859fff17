import type { Database } from '../../platform/sqlite.js';

/**
 * What every connection that writes the file is set to.
 * `synchronous=NORMAL` may lose the last batches in a power cut, never corrupt: their checkpoint goes with
 * them, and the log brings them back.
 */
export function setForWriting(database: Database): void {
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  // A deleted person's name must not stay in the file.
  database.pragma('secure_delete = ON');
  // The writer thread's WriteAheadLog sees to it.
  database.pragma('wal_autocheckpoint = 0');
}
