import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import {
  DatabaseFailure,
  type Dialect,
  driverErrorField,
  guarded,
  type OpenTransaction,
  TablesInUse,
  type TableUse,
  type WriteSession,
} from '../engine/dialect.js';
import type { Cells, CellValue } from '../engine/entity.js';
import { placeholders } from '../engine/sql.js';
import type { ServerKind } from './server.js';
import { type ConnectionSource, MysqlSession } from './session.js';

/** Read models in MySQL or MariaDB, through `mysql2`. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  // Fewer round trips and fewer writes of one row than 1000.
  batchSize: 4_000,
  async withSession(dataSource, work) {
    const session = await guarded(() => MysqlSession.open(poolOf(dataSource), kindOf(dataSource)));
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
  async renameTables(dataSource, session, renames, complete) {
    await withRenameLock(session, async () => {
      await this.withSession(dataSource, (second) => renameBriefly(session, second, renames));
      await session.begin();
      await complete();
      await session.commit();
    });
  },
  tableUse,
  // Pages of a server are its own: docs/personal-data.md.
  clean: async () => undefined,
  undisturbed: withRenameLock,
};

function kindOf(dataSource: DataSource): ServerKind {
  return dataSource.options.type === 'mariadb' ? 'mariadb' : 'mysql';
}

function poolOf(dataSource: DataSource): ConnectionSource {
  // TypeORM types no driver's own handle; for mysql2 this is its pool.
  return (dataSource.driver as unknown as { pool: ConnectionSource }).pool;
}

/** Longest wait for another process that renames tables or ends fences, seconds. */
const lockWaitSeconds = 10;
/**
 * Longest time a renaming waits for transactions that have used a table: queries of these tables queue behind it. Less
 * than {@link serverWaitSeconds}, which the server applies to each table in case this process cannot end the renaming.
 */
const renameWaitMs = 300;
/** The smallest value that both servers accept. */
const serverWaitSeconds = 1;
/** Error numbers: lock wait timeout, query interrupted by KILL. */
const gaveUp = new Set<unknown>([1205, 1317]);
/** This account lacks a privilege, or the server has no such table: 1044, 1142, 1143, 1227; 1049, 1109, 1146. */
const notVisible = new Set<unknown>([1044, 1142, 1143, 1227, 1049, 1109, 1146]);
const maxListed = 5;

/**
 * Runs `work` while no other process renames tables. The lock belongs to the connection: the server holds it as long as
 * it works on a renaming, even if the process has died meanwhile.
 */
async function withRenameLock<Result>(session: WriteSession, work: () => Promise<Result>): Promise<Result> {
  const giveBack = await takeServerLock(
    (sql, values) => session.all(sql, values),
    'renames',
    lockWaitSeconds,
  );
  if (!giveBack) throw new DatabaseFailure('another process is renaming tables');
  try {
    return await work();
  } catch (error) {
    // A failed session refuses statements until it is rolled back: the lock would go back to the pool with it.
    await session.rollback();
    throw error;
  } finally {
    // A lost connection has released it already.
    await giveBack().catch(() => undefined);
  }
}

/**
 * Renames all tables in one statement, which waits at most {@link renameWaitMs} for transactions that have used them.
 * @param second a second connection, which ends the statement with KILL QUERY.
 * @throws {TablesInUse} when the wait was too short; nothing is renamed then.
 */
async function renameBriefly(
  session: WriteSession,
  second: WriteSession,
  renames: readonly { readonly from: string; readonly to: string }[],
): Promise<void> {
  const pairs = renames.map(({ from, to }) => `${from} TO ${to}`).join(', ');
  const [own] = await session.all('SELECT CONNECTION_ID() AS id, @@lock_wait_timeout AS wait_seconds', []);
  // The server applies its limit to one table after the other; the timer limits the sum.
  let killing: Promise<unknown> | undefined;
  await session.run(`SET SESSION lock_wait_timeout = ${serverWaitSeconds}`, []);
  const timer = setTimeout(() => {
    killing = second.run(`KILL QUERY ${Number(own?.id)}`, []).catch(() => undefined);
  }, renameWaitMs);
  try {
    await session.run(`RENAME TABLE ${pairs}`, []);
  } catch (error) {
    const cause = error instanceof DatabaseFailure ? error.cause : undefined;
    throw gaveUp.has(driverErrorField(cause, 'errno')) ? new TablesInUse() : error;
  } finally {
    clearTimeout(timer);
    await killing;
    // A KILL that came too late for the renaming interrupts this statement instead of a later one.
    if (killing) await session.all('SELECT 1', []).catch(() => undefined);
    await session.rollback();
    await session
      .run(`SET SESSION lock_wait_timeout = ${Number(own?.wait_seconds)}`, [])
      .catch(() => undefined);
  }
}

/** Which transactions prevent tables from being renamed, as far as this account may see. */
export async function tableUse(
  session: WriteSession,
  tables: readonly string[],
  forSeconds: number,
): Promise<TableUse> {
  const watched = await rowsIfAllowed(session, locksAreWatched, []);
  const holders = watched?.length
    ? await rowsIfAllowed(session, lockHolders(tables.length), [...tables, forSeconds])
    : undefined;
  if (holders) return { certainty: 'certain', transactions: holders.map(openTransaction) };
  const open = await rowsIfAllowed(session, openTransactions, [forSeconds]);
  return open
    ? { certainty: 'possible', transactions: open.map(openTransaction) }
    : { certainty: 'hidden', transactions: [] };
}

/** Whether the server records metadata locks: by default MySQL does, MariaDB does not. */
const locksAreWatched = `SELECT name FROM performance_schema.setup_instruments
  WHERE name = 'wait/lock/metadata/sql/mdl' AND enabled = 'YES'`;

/** Needs SELECT on performance_schema. */
function lockHolders(tableCount: number): string {
  return `SELECT t.processlist_id AS id, t.processlist_user AS user, t.processlist_host AS host,
      MAX(COALESCE(x.timer_wait / 1e12, t.processlist_time)) AS seconds
    FROM performance_schema.metadata_locks l
    JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id
    LEFT JOIN performance_schema.events_transactions_current x
      ON x.thread_id = t.thread_id AND x.state = 'ACTIVE'
    WHERE l.object_type = 'TABLE' AND l.object_schema = DATABASE() AND l.lock_status = 'GRANTED'
      AND l.object_name IN (${placeholders(tableCount)}) AND t.processlist_id <> CONNECTION_ID()
    GROUP BY t.processlist_id, t.processlist_user, t.processlist_host
    HAVING seconds >= ? ORDER BY seconds DESC LIMIT ${maxListed}`;
}

/** Needs the privilege PROCESS. `trx_started` is in the time zone of the server's machine. */
const openTransactions = `SELECT p.id, p.user, p.host,
    TIMESTAMPDIFF(SECOND, x.trx_started, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM')) AS seconds
  FROM information_schema.innodb_trx x
  JOIN information_schema.processlist p ON p.id = x.trx_mysql_thread_id
  WHERE p.id <> CONNECTION_ID()
  HAVING seconds >= ? ORDER BY seconds DESC LIMIT ${maxListed}`;

function openTransaction({ id, user, host, seconds }: Cells): OpenTransaction {
  return {
    connectionId: Number(id),
    user: String(user),
    host: String(host),
    openForSeconds: Math.round(Number(seconds)),
  };
}

/** Undefined when this account may not read the tables, or the server does not have them. */
async function rowsIfAllowed(
  session: WriteSession,
  sql: string,
  parameters: readonly CellValue[],
): Promise<Cells[] | undefined> {
  try {
    return await session.all(sql, parameters);
  } catch (error) {
    await session.rollback();
    const cause = error instanceof DatabaseFailure ? error.cause : undefined;
    if (notVisible.has(driverErrorField(cause, 'errno'))) return undefined;
    throw error;
  }
}

/** Runs a query, always on the same connection: locks belong to a connection. */
type Ask = (sql: string, parameters: readonly CellValue[]) => Promise<readonly Cells[]>;

type LockPurpose = 'migrations' | 'renames';

/**
 * Takes a lock that all processes of a database share (`GET_LOCK`). The server holds it until it is released or the
 * connection ends.
 * @returns a function that releases it, or undefined when another process held it longer than `waitSeconds`.
 */
export async function takeServerLock(
  ask: Ask,
  purpose: LockPurpose,
  waitSeconds: number,
): Promise<(() => Promise<void>) | undefined> {
  // The server's spelling of the name: it may be in lower case.
  const [where] = await ask('SELECT DATABASE() AS name', []);
  const name = lockName(purpose, String(where?.name));
  const [row] = await ask('SELECT GET_LOCK(?, ?) AS locked', [name, waitSeconds]);
  if (Number(row?.locked) !== 1) return undefined;
  return async () => {
    await ask('SELECT RELEASE_LOCK(?) AS released', [name]);
  };
}

/**
 * Lock names are global to a server, so they contain the database; at most 64 characters. All processes must compute the
 * same name, including those of older builds, which compute it in SQL: `LEFT(SHA1(DATABASE()), 32)`.
 */
export function lockName(purpose: LockPurpose, database: string): string {
  return `boxoffice-${purpose}-${createHash('sha1').update(database, 'utf8').digest('hex').slice(0, 32)}`;
}
