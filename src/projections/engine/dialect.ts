import type { DataSource } from 'typeorm';
import type { AnyRow, CellValue, Table } from './table.js';

/** The outcome of a statement that returns no rows. */
export interface Changes {
  /** Rows matched, changed or not. */
  readonly affected: number;
}

/** One write connection in use by one batch at a time. */
export interface WriteSession {
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]>;
  run(sql: string, parameters: readonly CellValue[]): Promise<Changes>;
  /** The existing rows with these keys, in any order. */
  rowsByKey(table: Table, tableName: string, keys: readonly (readonly CellValue[])[]): Promise<AnyRow[]>;
  /** Writes whole rows, new or not. */
  upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void>;
}

/** What differs between the databases that hold read models. */
export interface Dialect {
  readonly name: 'sqlite' | 'mysql';
  /** Runs `work` on a write connection; on one SQLite connection never two at a time. */
  withSession<Result>(
    dataSource: DataSource,
    work: (session: WriteSession) => Promise<Result>,
  ): Promise<Result>;
}

/** A failure of the database, not of a projection: worth trying again. */
export class DatabaseFailure extends Error {
  override readonly name = 'DatabaseFailure';
}

/** Runs a database call; whatever it throws becomes a {@link DatabaseFailure}. */
export async function guarded<Result>(call: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw new DatabaseFailure(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
