import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Database } from '../../platform/sqlite.js';
import {
  type Dialect,
  driverErrorField,
  guarded,
  type Selection,
  type WriteSession,
} from '../engine/dialect.js';
import { type AnyRow, type Cells, type CellValue, cellsOf, rowOf, type Table } from '../engine/entity.js';
import { columnsBesideKey, deleteSql, insertSql, keyCondition, selectSql } from '../engine/sql.js';
import { Statements } from './statements.js';
import type { Answer, Ask } from './writer-client.js';

/** A line to the writer thread. */
interface Writer {
  /** @throws what SQLite said, or that the thread is gone. */
  ask(ask: Ask): Promise<Answer>;
}

/** The writer thread's connection, for one transaction at a time. */
export class SqliteSession implements WriteSession {
  constructor(private readonly writer: Writer) {}

  async begin(): Promise<void> {
    await this.ask({ kind: 'begin' });
  }

  async commit(): Promise<void> {
    await this.ask({ kind: 'commit' });
  }

  async rollback(): Promise<void> {
    // Where even that fails the connection is gone, and the transaction with it.
    await this.writer.ask({ kind: 'rollback' }).catch(() => undefined);
  }

  async all(sql: string, parameters: readonly CellValue[]): Promise<Cells[]> {
    return rowsIn(await this.ask({ kind: 'all', sql, parameters }));
  }

  async run(sql: string, parameters: readonly CellValue[]): Promise<{ affected: number }> {
    return { affected: Number(await this.ask({ kind: 'run', sql, parameters })) };
  }

  async insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    const sql = `${insertSql(table, tableName, 1)} ON CONFLICT DO NOTHING`;
    await this.ask({ kind: 'run', sql, parameters: cellsOf(table, row) });
  }

  async rowsByKey(
    table: Table,
    tableName: string,
    keys: readonly (readonly CellValue[])[],
  ): Promise<AnyRow[]> {
    const found = await this.ask({
      kind: 'get-each',
      sql: rowByKeySql(table, tableName),
      parameterLists: keys,
    });
    return rowsIn(found).map((cells) => rowOf(table, cells));
  }

  async select(table: Table, tableName: string, selection: Selection<AnyRow>): Promise<AnyRow[]> {
    const { sql, parameters } = selectSql(table, tableName, selection);
    return (await this.all(sql, parameters)).map((cells) => rowOf(table, cells));
  }

  async delete(table: Table, tableName: string, key: readonly CellValue[]): Promise<void> {
    await this.ask({ kind: 'run', sql: deleteSql(table, tableName), parameters: key });
  }

  async upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void> {
    if (rows.length === 0) return;
    const parameterLists = JSON.stringify(rows.map((row) => cellsOf(table, row)));
    await this.ask({ kind: 'run-each', sql: upsertSql(table, tableName), parameterLists });
  }

  private ask(ask: Ask): Promise<Answer> {
    // A row that is refused is a fault of its projection; whatever else may fail is the database's.
    return guarded(
      () => this.writer.ask(ask),
      (error) => ask.kind === 'run-each' && isRefusal(error),
    );
  }
}

/** `SELECT` of one row by key. */
function rowByKeySql(table: Table, tableName: string): string {
  return `SELECT * FROM ${tableName} WHERE ${keyCondition(table)}`;
}

function upsertSql(table: Table, tableName: string): string {
  const updates = columnsBesideKey(table).map((column) => `${column} = excluded.${column}`);
  const conflict = `ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${updates.join(', ')}`;
  return `${insertSql(table, tableName, 1)} ${conflict}`;
}

function rowsIn(answer: Answer): Cells[] {
  return typeof answer === 'number' ? [] : [...answer];
}

function isRefusal(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_CONSTRAINT');
}

/** How projections use one file: they write in a thread, and read what is committed here. */
interface Connections {
  readonly session: SqliteSession;
  readonly reader: Statements;
  /** The end of the work before. */
  last: Promise<unknown>;
}

const connections = new WeakMap<DataSource, Connections>();

/** Has what is written through an open, migrated data source go to the writer of its file. */
export function writeThrough(dataSource: DataSource, writer: Writer): void {
  // TypeORM types no driver's own handle; for better-sqlite3 this is it.
  const { databaseConnection } = dataSource.driver as unknown as { databaseConnection: Database };
  connections.set(dataSource, {
    session: new SqliteSession(writer),
    reader: new Statements(databaseConnection),
    last: Promise.resolve(),
  });
}

function connectionsOf(dataSource: DataSource): Connections {
  const found = connections.get(dataSource);
  if (!found) throw new Error('nobody started a writer for these read models');
  return found;
}

/** Read models in one SQLite file. */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  // Each costs a COMMIT that writes every page it has touched, most of them touched by the next one too.
  batchSize: 4_000,
  async withSession(dataSource, work) {
    const state = connectionsOf(dataSource);
    // Transactions of one connection would mix, so each waits for the one before, however that ended.
    const turn = state.last.then(() => work(state.session));
    state.last = turn.catch(() => undefined);
    return turn;
  },
  committedRows(dataSource, table, tableName, keys) {
    const { reader } = connectionsOf(dataSource);
    return guarded(() =>
      reader.getEach(rowByKeySql(table, tableName), keys).map((cells) => rowOf(table, cells)),
    );
  },
  hasOneWriter: true,
  async namesInUse(session) {
    const rows = await session.all('SELECT name FROM sqlite_master', []);
    return new Set(rows.map(({ name }) => String(name)));
  },
  async renameTables(_dataSource, session, renames, complete) {
    await session.begin();
    try {
      for (const { from, to } of renames) await session.run(`ALTER TABLE ${from} RENAME TO ${to}`, []);
      await complete();
      await session.commit();
    } catch (error) {
      await session.rollback();
      throw error;
    }
  },
  // With a write-ahead log, readers do not block a writer.
  tableUse: async () => ({ certainty: 'certain', transactions: [] }),
  clean: cleanSqlite,
  // Renaming takes a transaction here, and only one is open at a time.
  undisturbed: (_session, work) => work(),
};

/** How long to wait for readers of old pages, ms. */
const timeoutMs = 10_000;
const pauseMs = 20;

/**
 * Removes what deleted people left in the file. Deleted rows are overwritten by themselves (`secure_delete`), but
 * pages that split keep copies of index entries, and the write-ahead log keeps old pages: the index is made anew and
 * the log emptied. The log may be large, so that is done in the writer's thread, between two transactions.
 * @throws when the file stays in use for longer than ten seconds.
 */
async function cleanSqlite(write: DataSource): Promise<void> {
  await sqliteDialect.withSession(write, (session) => session.run('REINDEX users', []));
  const deadline = performance.now() + timeoutMs;
  while (!(await emptyLog(write))) {
    if (performance.now() > deadline)
      throw new Error('the read models stay in use: they could not be cleaned');
    await delay(pauseMs);
  }
}

/** Whether no reader or writer was in the way. */
function emptyLog(write: DataSource): Promise<boolean> {
  return sqliteDialect.withSession(write, async (session) => {
    const [result] = await session.all('PRAGMA wal_checkpoint(TRUNCATE)', []);
    return result?.busy === 0;
  });
}
