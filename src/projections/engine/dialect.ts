import type { DataSource } from 'typeorm';
import type { AnyRow, Cells, CellValue, Table } from './entity.js';

/** The outcome of a statement that returns no rows. */
export interface Changes {
  /** Rows matched, changed or not. */
  readonly affected: number;
}

/**
 * One write connection in use by one batch at a time. Once a statement of a transaction has failed, the server may
 * have rolled all of it back: every further statement is refused until {@link rollback}, since it would be committed
 * by itself, beside a checkpoint that never moved.
 */
export interface WriteSession {
  begin(): Promise<void>;
  /** A failure leaves it open whether the transaction was committed: the checkpoint tells. */
  commit(): Promise<void>;
  /** Ends the open transaction, if there is one; never fails. */
  rollback(): Promise<void>;
  /** Rows of a statement, as the database has them. */
  all(sql: string, parameters: readonly CellValue[]): Promise<Cells[]>;
  run(sql: string, parameters: readonly CellValue[]): Promise<Changes>;
  /** Leaves a row with the same key as it is. */
  insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void>;
  /** The existing rows with these keys, in any order. */
  rowsByKey(table: Table, tableName: string, keys: readonly (readonly CellValue[])[]): Promise<AnyRow[]>;
  select(table: Table, tableName: string, selection: Selection<AnyRow>): Promise<AnyRow[]>;
  /** Writes whole rows, new or not. */
  upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void>;
  /** Removes the row with this key, if there is one. */
  delete(table: Table, tableName: string, key: readonly CellValue[]): Promise<void>;
}

/** Which rows to select: `equal` columns, then one `range` column (`from` inclusive, `to` exclusive). */
export interface Selection<Row extends object> {
  readonly equal: Partial<Row>;
  readonly range?: {
    readonly column: keyof Row & string;
    readonly from: CellValue;
    /** Default: no end. */
    readonly to?: CellValue;
  };
  /** Ascending. */
  readonly orderBy: keyof Row & string;
  readonly limit: number;
}

/** What differs between the databases that hold read models. */
export interface Dialect {
  readonly name: 'sqlite' | 'mysql';
  /** Most events of a transaction, unless told otherwise: large where each statement is a round trip. */
  readonly batchSize: number;
  /** Runs `work` on a write connection; on one SQLite connection never two at a time. */
  withSession<Result>(
    dataSource: DataSource,
    work: (session: WriteSession) => Promise<Result>,
  ): Promise<Result>;
  /** The existing rows with these keys as they are committed, read outside the open transaction. */
  committedRows(
    dataSource: DataSource,
    table: Table,
    tableName: string,
    keys: readonly (readonly CellValue[])[],
  ): Promise<AnyRow[]>;
  /** Whether one transaction that writes keeps all others waiting: long work then leaves gaps between its own. */
  readonly hasOneWriter: boolean;
  /** Names that new tables and indexes must not have. */
  namesInUse(session: WriteSession): Promise<ReadonlySet<string>>;
  /**
   * Renames all tables or none. Readers see either the old tables or the new ones, and wait at most a second.
   * @param complete writes what goes with it: in the same transaction, or, where DDL commits by itself, in one right
   * after. A crash between the two is left for {@link undisturbed} to be found.
   * @throws {TablesInUse} when open transactions prevent the renaming; nothing is changed then.
   */
  renameTables(
    dataSource: DataSource,
    session: WriteSession,
    renames: readonly { readonly from: string; readonly to: string }[],
    complete: () => Promise<void>,
  ): Promise<void>;
  /** The transactions that prevent tables from being renamed and have been open for at least `forSeconds`. */
  tableUse(session: WriteSession, tables: readonly string[], forSeconds: number): Promise<TableUse>;
  /**
   * Removes what deleted rows of people left behind in the files, where that is in our power.
   * @throws when the files stay in use for longer than ten seconds.
   */
  clean(dataSource: DataSource): Promise<void>;
  /** Runs `work` while no process renames tables. */
  undisturbed<Result>(session: WriteSession, work: () => Promise<Result>): Promise<Result>;
}

/** An open transaction. */
export interface OpenTransaction {
  readonly connectionId: number;
  readonly user: string;
  readonly host: string;
  readonly openForSeconds: number;
}

/** What is known of the transactions that have used some tables and are still open. */
export interface TableUse {
  /**
   * `certain`: these have used the tables. `possible`: these are open, but the database does not report which tables
   * they have used. `hidden`: this account may not see them.
   */
  readonly certainty: 'certain' | 'possible' | 'hidden';
  /** Longest first; not all when there are many. */
  readonly transactions: readonly OpenTransaction[];
}

/** A failure of the database, not of a projection: worth trying again. */
export class DatabaseFailure extends Error {
  override readonly name: string = 'DatabaseFailure';
}

/** Open transactions have used the tables, so they cannot be renamed yet. */
export class TablesInUse extends DatabaseFailure {
  override readonly name: string = 'TablesInUse';
  constructor(message = 'open transactions have used the tables') {
    super(message);
  }
}

/** The database will never take such a row: the projection that made it is at fault. */
export class RowRefused extends Error {
  override readonly name = 'RowRefused';
}

/**
 * Runs a database call.
 * @param isRefusal whether an error says that the data can never be stored.
 * @throws {RowRefused} {@link DatabaseFailure} with what the call threw as their cause.
 */
export async function guarded<Result>(
  call: () => Result | Promise<Result>,
  isRefusal: (error: unknown) => boolean = () => false,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const Failure = isRefusal(error) ? RowRefused : DatabaseFailure;
    throw new Failure(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** What a database driver says of its error beside the message; undefined when it says nothing. */
export function driverErrorField(error: unknown, field: 'code' | 'errno' | 'fatal'): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  // TypeORM wraps what the driver threw for a query, but not for a connection.
  const cause = 'driverError' in error ? error.driverError : error;
  if (typeof cause !== 'object' || cause === null) return undefined;
  // Any object may be asked for any property; it is unknown what it is.
  return (cause as Record<string, unknown>)[field];
}
