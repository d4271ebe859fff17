import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2';
import {
  type Changes,
  driverErrorField,
  guarded,
  RowRefused,
  type Selection,
  type WriteSession,
} from '../engine/dialect.js';
import { type AnyRow, type Cells, type CellValue, cellsOf, rowOf, type Table } from '../engine/entity.js';
import { columnsBesideKey, deleteSql, insertSql, placeholders, selectSql } from '../engine/sql.js';
import type { ServerKind } from './server.js';

/**
 * Data the server will never take, by error number: null, out of range, truncated, no moment, wrong, too long; and no JSON,
 * as MySQL and MariaDB say it.
 */
const refusals = new Set<unknown>([1048, 1264, 1265, 1292, 1366, 1406, 3140, 4025]);

/** A pool of connections. */
export interface ConnectionSource {
  getConnection(callback: (error: NodeJS.ErrnoException | null, connection: PoolConnection) => void): void;
}

/**
 * One connection out of the pool. Goes straight to mysql2: TypeORM's query path costs about as much as a small
 * statement.
 */
export class MysqlSession implements WriteSession {
  /** The statement asked last, and whether one of the transaction has failed. */
  private last: Promise<unknown> = Promise.resolve();
  private hasFailed = false;

  private constructor(
    private readonly connection: PoolConnection,
    private readonly server: ServerKind,
  ) {}

  static open(pool: ConnectionSource, server: ServerKind): Promise<MysqlSession> {
    return new Promise((resolve, reject) => {
      pool.getConnection((error, connection) => {
        if (error) reject(error);
        else resolve(new MysqlSession(connection, server));
      });
    });
  }

  release(): void {
    this.connection.release();
  }

  async begin(): Promise<void> {
    await this.ask('START TRANSACTION', []);
  }

  /** When the connection is lost meanwhile, only the checkpoint can tell whether it happened. */
  async commit(): Promise<void> {
    await this.ask('COMMIT', []);
  }

  /** A connection that cannot roll back is closed, which does it. */
  async rollback(): Promise<void> {
    await this.last;
    this.hasFailed = false;
    try {
      await this.ask('ROLLBACK', []);
    } catch {
      this.connection.destroy();
    }
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<Cells[]> {
    // Columns hold numbers, text and null only.
    return this.ask<RowDataPacket[]>(sql, parameters) as Promise<Cells[]>;
  }

  async run(sql: string, parameters: readonly CellValue[]): Promise<Changes> {
    // mysql2 counts matched rows (CLIENT_FOUND_ROWS), as Changes wants.
    const { affectedRows } = await this.ask<ResultSetHeader>(sql, parameters);
    return { affected: affectedRows };
  }

  async insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    const [key = ''] = table.key;
    const sql = `${insertSql(table, tableName, 1)} ON DUPLICATE KEY UPDATE ${key} = ${key}`;
    await this.run(sql, cellsOf(table, row));
  }

  async rowsByKey(
    table: Table,
    tableName: string,
    keys: readonly (readonly CellValue[])[],
  ): Promise<AnyRow[]> {
    const found: AnyRow[] = [];
    for (const chunk of chunksOf(keys)) {
      const cells = await this.all(selectByKeysSql(table, tableName, chunk.length), chunk.flat());
      for (const one of cells) found.push(rowOf(table, one));
    }
    return found;
  }

  async select(table: Table, tableName: string, selection: Selection<AnyRow>): Promise<AnyRow[]> {
    const { sql, parameters } = selectSql(table, tableName, selection);
    return (await this.all(sql, parameters)).map((cells) => rowOf(table, cells));
  }

  async delete(table: Table, tableName: string, key: readonly CellValue[]): Promise<void> {
    await this.run(deleteSql(table, tableName), key);
  }

  async upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void> {
    // MySQL deprecates VALUES(), and MariaDB does not support the row alias.
    const [alias, fresh] = this.server === 'mysql' ? [' AS fresh', freshColumn] : ['', freshValue];
    const updates = columnsBesideKey(table).map((column) => `${column} = ${fresh(column)}`);
    for (const chunk of chunksOf(rows.map((row) => cellsOf(table, row)))) {
      const insert = insertSql(table, tableName, chunk.length);
      const sql = `${insert}${alias} ON DUPLICATE KEY UPDATE ${updates.join(', ')}`;
      await this.run(sql, chunk.flat());
    }
  }

  /** Asks when the statement before has been answered: only then is it known whether the transaction still lives. */
  private ask<Result extends ResultSetHeader | RowDataPacket[]>(
    sql: string,
    values: readonly CellValue[],
  ): Promise<Result> {
    const answer = this.last.then(() =>
      guarded(() => {
        if (this.hasFailed)
          throw new Error('an earlier statement failed: the transaction is to be rolled back');
        return this.send<Result>(sql, values);
      }, isRefusal),
    );
    this.last = answer.catch((error: unknown) => {
      // A refused row undoes its statement only; every other failure may have undone the transaction.
      if (!(error instanceof RowRefused)) this.hasFailed = true;
    });
    return answer;
  }

  private send<Result extends ResultSetHeader | RowDataPacket[]>(
    sql: string,
    values: readonly CellValue[],
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.connection.query<Result>(sql, [...values], (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
  }
}

const freshColumn = (column: string): string => `fresh.${column}`;
const freshValue = (column: string): string => `VALUES(${column})`;

/**
 * Rows by key. The optimizer may use the primary key only. Otherwise MariaDB compares every key with every index that
 * begins with the same column, in time that grows with the square of the number of keys (4,000 keys: 17 s instead of
 * 0.07 s), and MySQL runs out of optimizer memory at about 3,000 keys of two columns and reads the whole table.
 */
export function selectByKeysSql(table: Table, tableName: string, keyCount: number): string {
  const tuple = `(${placeholders(table.key.length)})`;
  const tuples = new Array<string>(keyCount).fill(tuple).join(', ');
  return `SELECT * FROM ${tableName} FORCE INDEX (PRIMARY) WHERE (${table.key.join(', ')}) IN (${tuples})`;
}

function isRefusal(error: unknown): boolean {
  return refusals.has(driverErrorField(error, 'errno'));
}

/** Values of one statement. */
const maxValues = 10_000;
/** Characters of one statement's text values: far below a `max_allowed_packet` of 16 MiB, however they are encoded. */
const maxCharacters = 1_000_000;

/** Rows in groups that one statement can carry; at least one row each. */
export function* chunksOf(
  rows: readonly (readonly CellValue[])[],
): Generator<readonly (readonly CellValue[])[]> {
  let chunk: (readonly CellValue[])[] = [];
  let values = 0;
  let characters = 0;
  for (const row of rows) {
    const rowCharacters = charactersOf(row);
    if (chunk.length > 0 && (values + row.length > maxValues || characters + rowCharacters > maxCharacters)) {
      yield chunk;
      chunk = [];
      values = 0;
      characters = 0;
    }
    chunk.push(row);
    values += row.length;
    characters += rowCharacters;
  }
  if (chunk.length > 0) yield chunk;
}

function charactersOf(row: readonly CellValue[]): number {
  let characters = 0;
  for (const cell of row) if (typeof cell === 'string') characters += cell.length;
  return characters;
}
