import { guarded, type WriteSession } from '../engine/dialect.js';
import { driverErrorField } from '../engine/driver-error.js';
import { columnsBesideKey, insertSql, keyCondition } from '../engine/sql.js';
import type { AnyRow, CellValue, Table } from '../engine/table.js';
import type { Answer, Ask } from './messages.js';

/** The writer thread's connection, for one transaction at a time. */
export class SqliteSession implements WriteSession {
  constructor(private readonly writer: { ask(ask: Ask): Promise<Answer> }) {}

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

  async all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]> {
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
    return rowsIn(
      await this.ask({ kind: 'get-each', sql: rowByKeySql(table, tableName), parameterLists: keys }),
    );
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
export function rowByKeySql(table: Table, tableName: string): string {
  return `SELECT * FROM ${tableName} WHERE ${keyCondition(table)}`;
}

function upsertSql(table: Table, tableName: string): string {
  const updates = columnsBesideKey(table).map((column) => `${column} = excluded.${column}`);
  const conflict = `ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${updates.join(', ')}`;
  return `${insertSql(table, tableName, 1)} ${conflict}`;
}

function cellsOf(table: Table, row: AnyRow): CellValue[] {
  return Object.keys(table.columns).map((column) => row[column] ?? null);
}

function rowsIn(answer: Answer): AnyRow[] {
  return typeof answer === 'number' ? [] : [...answer];
}

function isRefusal(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_CONSTRAINT');
}
