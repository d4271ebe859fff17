import type { DataSource } from 'typeorm';
import { DatabaseFailure, type Dialect, guarded, type WriteSession } from '../engine/dialect.js';
import { type ConnectionSource, MysqlSession } from './session.js';

/** Read models in MySQL 8 or MariaDB, through `mysql2`. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  // Fewer round trips and fewer writes of one row than 1000.
  batchSize: 4_000,
  async withSession(dataSource, work) {
    const session = await guarded(() => MysqlSession.open(poolOf(dataSource)));
    try {
      return await work(session);
    } finally {
      session.release();
    }
  },
  committedRows(dataSource, table, tableName, keys) {
    return this.withSession(dataSource, (session) => session.rowsByKey(table, tableName, keys));
  },
  hasOneWriter: false,
  async namesInUse(session) {
    const rows = await session.all(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      [],
    );
    return new Set(rows.map(({ name }) => String(name)));
  },
  async renameTables(session, renames, complete) {
    const pairs = renames.map(({ from, to }) => `${from} TO ${to}`).join(', ');
    await withRenameLock(session, async () => {
      await session.run(`RENAME TABLE ${pairs}`, []);
      await session.begin();
      try {
        await complete();
        await session.commit();
      } catch (error) {
        await session.rollback();
        throw error;
      }
    });
  },
  undisturbed: withRenameLock,
};

/** Lock names are the server's, so they name the database; they hold at most 64 characters. */
const renameLock = `CONCAT('boxoffice-renames-', LEFT(SHA1(DATABASE()), 32))`;
const lockWaitSeconds = 10;

/**
 * The lock is the connection's: it is kept for as long as the server works on a renaming, even when the process that
 * asked for it is gone.
 */
async function withRenameLock<Result>(session: WriteSession, work: () => Promise<Result>): Promise<Result> {
  const [row] = await session.all(`SELECT GET_LOCK(${renameLock}, ${lockWaitSeconds}) AS locked`, []);
  if (Number(row?.locked) !== 1) throw new DatabaseFailure('another process is renaming tables');
  try {
    return await work();
  } finally {
    // A connection that is gone has given it back.
    await session.all(`SELECT RELEASE_LOCK(${renameLock}) AS released`, []).catch(() => undefined);
  }
}

function poolOf(dataSource: DataSource): ConnectionSource {
  // TypeORM types no driver's own handle; for mysql2 this is its pool.
  return (dataSource.driver as unknown as { pool: ConnectionSource }).pool;
}
