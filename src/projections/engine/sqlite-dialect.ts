import { setTimeout as delay } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import { type Dialect, guarded, type WriteSession } from './dialect.js';
import { driverErrorField } from './driver-error.js';
import { columnsBesideKey, insertSql, keyCondition } from './sql.js';
import type { AnyRow, CellValue, Table } from './table.js';

/** How long to wait for another process that writes the same file, ms. */
const lockTimeoutMs = 5_000;
const maxStatements = 500;

type Statement = Database.Statement<CellValue[], AnyRow>;

/**
 * Goes straight to better-sqlite3's handle of the TypeORM connection with prepared statements of its own:
 * TypeORM's query path costs several times as much as the statement.
 */
class SqliteSession implements WriteSession {
  private readonly statements = new Map<string, Statement>();

  constructor(private readonly database: Database.Database) {}

  /** Waits for other writers without blocking the event loop, as busy_timeout would. */
  begin(): Promise<void> {
    return guarded(async () => {
      const deadline = performance.now() + lockTimeoutMs;
      for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
        try {
          this.prepared('BEGIN IMMEDIATE').run();
          return;
        } catch (error) {
          if (!isBusy(error) || performance.now() > deadline) throw error;
        }
        await delay(waitMs);
      }
    });
  }

  commit(): Promise<void> {
    return guarded(() => void this.prepared('COMMIT').run());
  }

  async rollback(): Promise<void> {
    // Some failures have rolled back already.
    if (this.database.inTransaction) this.prepared('ROLLBACK').run();
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]> {
    return guarded(() => this.prepared(sql).all(...parameters));
  }

  run(sql: string, parameters: readonly CellValue[]): Promise<{ affected: number }> {
    return guarded(() => ({ affected: this.prepared(sql).run(...parameters).changes }));
  }

  insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    return guarded(() => {
      const statement = this.prepared(`${insertSql(table, tableName, 1)} ON CONFLICT DO NOTHING`);
      statement.run(...Object.keys(table.columns).map((column) => row[column] ?? null));
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
    let statement = this.statements.get(sql);
    if (!statement) {
      if (this.statements.size >= maxStatements) this.statements.clear();
      statement = this.database.prepare<CellValue[], AnyRow>(sql);
      this.statements.set(sql, statement);
    }
    return statement;
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
};

function isRefusal(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_CONSTRAINT');
}

function isBusy(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_BUSY');
}
