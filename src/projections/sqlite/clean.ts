import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';

/** How long to wait for batches that are being written, ms. */
const timeoutMs = 10_000;
const pauseMs = 20;

/**
 * Removes what deleted people left in the file. Deleted rows are overwritten by themselves (`secure_delete`), but
 * pages that split keep copies of index entries, and the write-ahead log keeps old pages: the index is made anew and
 * the log emptied. Works beside the projections, on a connection of its own.
 * @throws when the file stays in use for longer than ten seconds.
 */
export async function cleanSqlite(file: string): Promise<void> {
  const database = new Database(file, { timeout: 0 });
  try {
    database.pragma('secure_delete = ON');
    await untilFree(() => {
      database.exec('REINDEX users');
      return true;
    });
    await untilFree(() => {
      const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]; // as SQLite documents it
      return result?.busy === 0;
    });
  } finally {
    database.close();
  }
}

/** Requests are answered on this very thread: waiting must not block it. */
async function untilFree(attempt: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      if (attempt()) return;
    } catch (error) {
      const isBusy =
        error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
      if (!isBusy) throw error;
    }
    if (performance.now() > deadline)
      throw new Error('the read models stay in use: they could not be cleaned');
    await delay(pauseMs);
  }
}
