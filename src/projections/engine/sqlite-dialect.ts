import { setTimeout as delay } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import { type Dialect, guarded, type WriteSession } from './dialect.js';
import { driverErrorField } from './driver-error.js';
import { columnsBesideKey, insertSql, keyCondition } from './sql.js';
import type { AnyRow, CellValue, Table } from './table.js';

/** How long to wait for another process that writes the same file, ms. */
const lockTimeoutMs = 5_000;
/** Shorter than the gaps another process leaves between long transactions, ms. */
const maxWaitMs = 10;
const maxStatements = 500;

type Statement = Database.Statement<CellValue[], AnyRow>;

/**
 * Goes straight to better-sqlite3's handle of the TypeORM connection with prepared statements of its own:
 * TypeORM's query path costs several times as much as the statement.
 */
class SqliteSession implements WriteSession {
  private readonly statements = new Map<string, Statement>();
  private isOpen = false;

  constructor(private readonly database: Database.Database) {}

  begin(): Promise<void> {
    return guarded(() =>
      untilFree(() => {
        this.prepared('BEGIN IMMEDIATE').run();
        this.isOpen = true;
      }),
    );
  }

  commit(): Promise<void> {
    return guarded(() => {
      this.prepared('COMMIT').run();
      this.isOpen = false;
    });
  }

  async rollback(): Promise<void> {
    this.isOpen = false;
    // Some failures have rolled back already.
    if (this.database.inTransaction) this.prepared('ROLLBACK').run();
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]> {
    return guarded(() => this.prepared(sql).all(...parameters));
  }

  run(sql: string, parameters: readonly CellValue[]): Promise<{ affected: number }> {
    return guarded(() => untilFree(() => ({ affected: this.prepared(sql).run(...parameters).changes })));
  }

  insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    return guarded(() => {
      const statement = this.prepared(`${insertSql(table, tableName, 1)} ON CONFLICT DO NOTHING`);
      const values = Object.keys(table.columns).map((column) => row[column] ?? null);
      return untilFree(() => void statement.run(...values));
    });
  }

  rowsByKey(table: Table, tableName: string, keys: readonly (readonly CellValue[])[]): Promise<AnyRow[]> {
    return guarded(() => {
      const statement = this.prepared(`SELECT * FROM ${tableName} WHERE ${keyCondition(table)}`);
      return keys.map((key) => statement.get(...key)).filter((row) => row !== undefined);
    });
  }

  upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void> {
    return guarded(() => {
      const columns = Object.keys(table.columns);
      const statement = this.prepared(upsertSql(table, tableName));
      // Within a transaction one row a statement is faster here than many: binding costs more than stepping.
      for (const row of rows) statement.run(...columns.map((column) => row[column] ?? null));
    }, isRefusal);
  }

  private prepared(sql: string): Statement {
    // SQLite rolls back by itself when the disk is full or fails.
    if (this.isOpen && !this.database.inTransaction) throw new Error('the transaction was rolled back');
    let statement = this.statements.get(sql);
    if (!statement) {
      if (this.statements.size >= maxStatements) this.statements.clear();
      statement = this.database.prepare<CellValue[], AnyRow>(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Runs a statement once no other process writes the file; within a transaction that is at once. Waits without blocking
 * the event loop, as busy_timeout would.
 */
async function untilFree<Result>(run: () => Result): Promise<Result> {
  const deadline = performance.now() + lockTimeoutMs;
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, maxWaitMs)) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    await delay(waitMs);
  }
}

function upsertSql(table: Table, tableName: string): string {
  const updates = columnsBesideKey(table).map((column) => `${column} = excluded.${column}`);
  const conflict = `ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${updates.join(', ')}`;
  return `${insertSql(table, tableName, 1)} ${conflict}`;
}

/** One session per connection, and who is using it. */
const sessions = new WeakMap<DataSource, { session: SqliteSession; last: Promise<unknown> }>();

/** Read models in one SQLite file. */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  batchSize: 1_000,
  async withSession(dataSource, work) {
    // TypeORM types no driver's own handle; for better-sqlite3 this is it.
    const { databaseConnection } = dataSource.driver as unknown as { databaseConnection: Database.Database };
    const state = sessions.get(dataSource) ?? {
      session: new SqliteSession(databaseConnection),
      last: Promise.resolve(),
    };
    sessions.set(dataSource, state);
    // Transactions of one connection would mix, so each waits for the one before, however that ended.
    const turn = state.last.then(() => work(state.session));
    state.last = turn.catch(() => undefined);
    return turn;
  },
  hasOneWriter: true,
  async namesInUse(session) {
    const rows = await session.all('SELECT name FROM sqlite_master', []);
    return new Set(rows.map(({ name }) => String(name)));
  },
  async renameTables(session, renames, complete) {
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
  // Renaming takes a transaction here, and only one is open at a time.
  undisturbed: (_session, work) => work(),
};

function isRefusal(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_CONSTRAINT');
}

function isBusy(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_BUSY');
}
