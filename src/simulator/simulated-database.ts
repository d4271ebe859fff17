import type { DataSource } from 'typeorm';
import { allTables } from '../projections/all-projections.js';
import { CheckpointRow, checkpointsTable } from '../projections/engine/checkpoints.js';
import {
  type Changes as Affected,
  DatabaseFailure,
  type Selection,
  type WriteSession,
} from '../projections/engine/dialect.js';
import {
  type AnyRow,
  type Cells,
  type CellValue,
  type Entity,
  keyOfRow,
  keyText,
  rowOf,
  type Table,
  tableOf,
} from '../projections/engine/entity.js';
import type { RunnerOptions } from '../projections/engine/runner.js';
import type { Life } from './scheduler.js';
import { selectFrom, updateOf } from './simulated-sql.js';
import type { World } from './world.js';

type Rows = Map<string, AnyRow>;

/** Changes of one transaction: by table, by key, the new row or null for a removed one. */
type Changes = Map<string, Map<string, AnyRow | null>>;

/** The read models' tables in memory: committed rows, and a lock for one writer. */
export class SimulatedDatabase {
  #tables = new Map<string, Rows>(allTables.map((table) => [table.name, new Map()]));
  #writer: object | undefined;
  readonly #waiting: { readonly writer: object; readonly go: () => void }[] = [];

  /** Committed rows, in no particular order. */
  rows<Row extends object>(entity: Entity<Row>): Row[] {
    // A table's rows were put as rows of that table.
    return [...this.#rowsOf(tableOf(entity).name).values()] as Row[];
  }

  /** The committed row with a key, as {@link keyText} writes it. */
  rowAt(tableName: string, key: string): AnyRow | undefined {
    return this.#rowsOf(tableName).get(key);
  }

  /** Committed rows as a transaction with these changes sees them. */
  seenWith(tableName: string, changes: Changes): AnyRow[] {
    const own = changes.get(tableName);
    const committed = this.#rowsOf(tableName);
    if (!own) return [...committed.values()];
    const seen = [...committed].flatMap(([key, row]) => (own.has(key) ? [] : [row]));
    for (const row of own.values()) if (row) seen.push(row);
    return seen;
  }

  commit(changes: Changes): void {
    for (const [tableName, changed] of changes) {
      const rows = this.#rowsOf(tableName);
      for (const [key, row] of changed) {
        if (row) rows.set(key, row);
        else rows.delete(key);
      }
    }
  }

  /** Calls `go` when no other transaction writes: at once, or later in the order of requests. */
  lock(writer: object, go: () => void): void {
    if (this.#writer === undefined || this.#writer === writer) {
      this.#writer = writer;
      go();
    } else {
      this.#waiting.push({ writer, go });
    }
  }

  /** Releases the lock to the next writer, or stops waiting for it. */
  unlock(writer: object): void {
    const place = this.#waiting.findIndex((waiting) => waiting.writer === writer);
    if (place >= 0) this.#waiting.splice(place, 1);
    if (this.#writer !== writer) return;
    const next = this.#waiting.shift();
    this.#writer = next?.writer;
    next?.go();
  }

  get isLocked(): boolean {
    return this.#writer !== undefined;
  }

  /** The checkpoint of every projection, by name. */
  checkpoints(): ReadonlyMap<string, number> {
    return new Map(this.rows(CheckpointRow).map(({ name, position }) => [name, position]));
  }

  /** A backup of everything committed. */
  backup(): ReadonlyMap<string, Rows> {
    return new Map([...this.#tables].map(([name, rows]) => [name, new Map(rows)]));
  }

  /** Replaces all tables by a backup. */
  restore(backup: ReadonlyMap<string, Rows>): void {
    this.#tables = new Map([...backup].map(([name, rows]) => [name, new Map(rows)]));
  }

  #rowsOf(tableName: string): Rows {
    const rows = this.#tables.get(tableName);
    if (!rows) throw new Error(`there is no table ${tableName}`);
    return rows;
  }
}

/** The key of a row as a text. */
function rowKey(table: Table, row: AnyRow): string {
  return keyText(keyOfRow(table, row));
}

/** How long a transaction waits for the lock, ms. */
const lockTimeoutMs = 5_000;

/** A projector's connection: changes of a transaction become visible to others when it commits. */
export class SimulatedSession implements WriteSession {
  #changes: Changes = new Map();
  #isOpen = false;
  /** A statement has failed, and the transaction with it: further statements fail until it is rolled back. */
  #hasFailed = false;

  constructor(
    private readonly world: World,
    private readonly database: SimulatedDatabase,
    private readonly process: { readonly name: string; readonly life: Life },
  ) {}

  /** Whether a transaction is open that has changed rows. */
  get hasChanges(): boolean {
    return this.#isOpen && this.#changes.size > 0;
  }

  async begin(): Promise<void> {
    const { world, database } = this;
    this.#changes = new Map();
    await new Promise<void>((resolve, reject) => {
      const giveUp = world.scheduler.after(lockTimeoutMs, () => {
        database.unlock(this);
        reject(new DatabaseFailure('lock wait timeout exceeded'));
      });
      database.lock(this, () => {
        giveUp();
        world.scheduler.after(0, resolve, this.process.life);
      });
    });
    this.#isOpen = true;
  }

  async commit(): Promise<void> {
    const { world } = this;
    const { name, life } = this.process;
    const isLost = world.strikes('database-commit-lost', 0.01, name);
    const isUnknown = world.strikes('database-commit-unknown', 0.01, name);
    await world.later(life, world.delayMs(), () => undefined);
    if (!isLost) this.database.commit(this.#changes);
    this.abandon();
    if (isLost || isUnknown) throw new DatabaseFailure('the connection was lost during the commit');
  }

  async rollback(): Promise<void> {
    this.#hasFailed = false;
    this.abandon();
  }

  /** Ends the transaction, as a lost connection does. */
  abandon(): void {
    this.#changes = new Map();
    this.#isOpen = false;
    this.database.unlock(this);
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<Cells[]> {
    return this.#ask(() => selectFrom(this.#seen, sql, parameters));
  }

  select(_table: Table, tableName: string, selection: Selection<AnyRow>): Promise<AnyRow[]> {
    return this.#ask(() => matching(this.database.seenWith(tableName, this.#changes), selection));
  }

  /** @throws {Error} when it changes neither a checkpoint nor rows of a read model. */
  async run(sql: string, parameters: readonly CellValue[]): Promise<Affected> {
    // All simulated processes run one build, so a checkpoint has its version already.
    if (sql.startsWith(`UPDATE ${checkpointsTable.name} SET version = ?`)) return { affected: 0 };
    if (sql.startsWith(`UPDATE ${checkpointsTable.name} SET position = ?`))
      return this.#ask(() => this.#advance(parameters));
    return this.#ask(() => {
      const { table, rows } = updateOf(this.#seen, sql, parameters);
      for (const row of rows) this.#put(table.name, rowKey(table, row), row);
      return { affected: rows.length };
    });
  }

  /** Rows of a table as this transaction sees them. */
  readonly #seen = (tableName: string) => this.database.seenWith(tableName, this.#changes);

  async delete(_table: Table, tableName: string, key: readonly CellValue[]): Promise<void> {
    await this.#ask(() => this.#put(tableName, keyText(key), null));
  }

  insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    const key = rowKey(table, row);
    return this.#ask(() => {
      if (this.#get(tableName, key)) return;
      const whole = table.columns.map((column) => [column, row[column] ?? null]);
      this.#put(tableName, key, Object.fromEntries(whole));
    });
  }

  rowsByKey(_table: Table, tableName: string, keys: readonly (readonly CellValue[])[]): Promise<AnyRow[]> {
    return this.#ask(() => {
      const rows = keys.map((key) => this.#get(tableName, keyText(key)));
      return rows.filter((row) => row !== undefined);
    });
  }

  upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void> {
    return this.#ask(() => {
      for (const row of rows) this.#put(tableName, rowKey(table, row), row);
    });
  }

  /** `UPDATE projection_checkpoints SET position = ?, updated_at = ?, …, made_from = … WHERE (name, position and generation) OR …` */
  #advance(parameters: readonly CellValue[]): Affected {
    const marks = parameters.slice(3);
    let affected = 0;
    for (let index = 0; index < marks.length; index += 3) {
      const key = keyText([marks[index] ?? null]);
      const row = this.#get(checkpointsTable.name, key);
      if (!row || row.position !== marks[index + 1] || (row.generation ?? 0) !== marks[index + 2]) continue;
      affected++;
      this.#put(checkpointsTable.name, key, advanced(row, parameters));
    }
    return { affected };
  }

  /** Runs a statement after a delay; it may be the victim of a deadlock, which rolls the transaction back. */
  async #ask<Result>(execute: () => Result): Promise<Result> {
    const { world } = this;
    const { name, life } = this.process;
    if (world.latency.chance(0.1)) await world.later(life, world.delayMs(), () => undefined);
    if (this.#hasFailed) throw new DatabaseFailure('the transaction has failed');
    if (world.strikes('database-deadlock', 0.002, name)) {
      this.abandon();
      this.#hasFailed = true;
      throw new DatabaseFailure('deadlock found when trying to get lock');
    }
    const result = execute();
    // Outside a transaction each statement commits by itself.
    if (!this.#isOpen) {
      this.database.commit(this.#changes);
      this.#changes = new Map();
    }
    return result;
  }

  #get(tableName: string, key: string): AnyRow | undefined {
    const own = this.#changes.get(tableName)?.get(key);
    return own === undefined ? this.database.rowAt(tableName, key) : (own ?? undefined);
  }

  #put(tableName: string, key: string, row: AnyRow | null): void {
    const changed = this.#changes.get(tableName) ?? new Map<string, AnyRow | null>();
    changed.set(key, row);
    this.#changes.set(tableName, changed);
  }
}

/** A checkpoint's row after the statement that advances it. The parameters are cells: stored moments, and JSON as text. */
export function advanced(row: AnyRow, [position, updatedAt, madeFrom]: readonly CellValue[]): AnyRow {
  const { updated_at, made_from } = rowOf(checkpointsTable, {
    updated_at: updatedAt ?? null,
    made_from: madeFrom ?? null,
  });
  return {
    ...row,
    position: position ?? null,
    updated_at,
    parked: null,
    made_from: made_from ?? row.made_from ?? null,
  };
}

/**
 * The dialect of one process.
 * @param open a new connection, kept until its work has ended.
 * @param wrap may wrap a projector's connection; tests inject bugs with it.
 */
export function simulatedDialect(
  open: () => { readonly session: SimulatedSession; readonly close: () => void },
  wrap: (session: WriteSession) => WriteSession,
): RunnerOptions['dialect'] {
  const withSession = async <Result>(
    _: DataSource,
    work: (session: WriteSession) => Promise<Result>,
  ): Promise<Result> => {
    const { session, close } = open();
    try {
      return await work(wrap(session));
    } finally {
      close();
    }
  };
  return {
    batchSize: 200,
    withSession,
    committedRows: (dataSource, table, tableName, keys) =>
      withSession(dataSource, (session) => session.rowsByKey(table, tableName, keys)),
  };
}

/** The rows of a selection, as the databases find and order them. */
function matching(rows: readonly AnyRow[], { equal, range, orderBy, limit }: Selection<AnyRow>): AnyRow[] {
  const conditions = Object.entries(equal);
  const found = rows.filter((row) => {
    if (!conditions.every(([column, value]) => row[column] === value)) return false;
    if (!range) return true;
    const value = cellAt(row, range.column);
    // In SQL nothing compares with null.
    if (value === null || compareCells(value, range.from) < 0) return false;
    return range.to === undefined || compareCells(value, range.to) < 0;
  });
  return found.sort((a, b) => compareCells(cellAt(a, orderBy), cellAt(b, orderBy))).slice(0, limit);
}

/** Ranges and orders are of text and numbers. */
function cellAt(row: AnyRow, column: string): CellValue {
  return (row[column] ?? null) as CellValue;
}

/** By code unit, and nulls first, as the databases order. */
function compareCells(a: CellValue, b: CellValue): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}
