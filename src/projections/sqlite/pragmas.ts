import type Database from 'better-sqlite3';

/** Pages of the write-ahead log (64 MiB) before they are moved: fewer moves of pages that change again. */
const walPages = 16_000;

/**
 * What every connection that writes the file is set to.
 * `synchronous=NORMAL` may lose the last batches in a power cut, never corrupt: their checkpoint goes with
 * them, and the log brings them back.
 */
export function setForWriting(database: Database.Database): void {
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  // A deleted person's name must not stay in the file.
  database.pragma('secure_delete = ON');
  database.pragma(`wal_autocheckpoint = ${walPages}`);
}
