import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { sqliteDialect } from './dialect.js';

/** How long to wait for whoever reads old pages, ms. */
const timeoutMs = 10_000;
const pauseMs = 20;

/**
 * Removes what deleted people left in the file. Deleted rows are overwritten by themselves (`secure_delete`), but
 * pages that split keep copies of index entries, and the write-ahead log keeps old pages: the index is made anew and
 * the log emptied. The log may be large, so that is done in the writer's thread, between two transactions.
 * @throws when the file stays in use for longer than ten seconds.
 */
export async function cleanSqlite(write: DataSource): Promise<void> {
  await sqliteDialect.withSession(write, (session) => session.run('REINDEX users', []));
  const deadline = performance.now() + timeoutMs;
  while (!(await emptyLog(write))) {
    if (performance.now() > deadline)
      throw new Error('the read models stay in use: they could not be cleaned');
    await delay(pauseMs);
  }
}

/** Whether nobody was in the way. */
function emptyLog(write: DataSource): Promise<boolean> {
  return sqliteDialect.withSession(write, async (session) => {
    const [result] = await session.all('PRAGMA wal_checkpoint(TRUNCATE)', []);
    return result?.busy === 0;
  });
}
