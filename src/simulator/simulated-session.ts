import type { DataSource } from 'typeorm';
import { checkpointsTable } from '../projections/engine/checkpoints.js';
import {
  type Changes as Affected,
  DatabaseFailure,
  type WriteSession,
} from '../projections/engine/dialect.js';
import type { RunnerOptions } from '../projections/engine/runner.js';
import { type AnyRow, type CellValue, keyText, type Table } from '../projections/engine/table.js';
import type { Life } from './scheduler.js';
import { type Changes, rowKey, type SimulatedDatabase } from './simulated-database.js';
import { matching, parseDelete, parseSelect } from './sql-subset.js';
import type { World } from './world.js';

/** How long a transaction waits for another one's rows, ms. */
const lockTimeoutMs = 5_000;

/** A projector's connection: statements of one transaction, seen by others only once it has committed. */
export class SimulatedSession implements WriteSession {
  #changes: Changes = new Map();
  #isOpen = false;
  /** A statement has failed, and the transaction with it: nothing more is taken until it is rolled back. */
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

  /** Ends the transaction as the end of its connection does. */
  abandon(): void {
    this.#changes = new Map();
    this.#isOpen = false;
    this.database.unlock(this);
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]> {
    const select = parseSelect(sql);
    return this.#ask(() =>
      matching(this.database.seenWith(select.tableName, this.#changes), select, parameters),
    );
  }

  run(sql: string, parameters: readonly CellValue[]): Promise<Affected> {
    if (sql.startsWith(`UPDATE ${checkpointsTable.name} SET position = ?`))
      return this.#ask(() => this.#advance(parameters));
    const { tableName } = parseDelete(sql);
    const key = keyText(parameters);
    return this.#ask(() => {
      const affected = this.#get(tableName, key) ? 1 : 0;
      this.#put(tableName, key, null);
      return { affected };
    });
  }

  insertIfMissing(table: Table, tableName: string, row: AnyRow): Promise<void> {
    const key = rowKey(table, row);
    return this.#ask(() => {
      if (this.#get(tableName, key)) return;
      const whole = Object.keys(table.columns).map((column) => [column, row[column] ?? null]);
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
  #advance([position, updatedAt, madeFrom, ...marks]: readonly CellValue[]): Affected {
    let affected = 0;
    for (let index = 0; index < marks.length; index += 3) {
      const key = keyText([marks[index] ?? null]);
      const row = this.#get(checkpointsTable.name, key);
      if (!row || row.position !== marks[index + 1] || (row.generation ?? 0) !== marks[index + 2]) continue;
      affected++;
      const moved = {
        position: position ?? null,
        updated_at: updatedAt ?? null,
        made_from: madeFrom ?? row.made_from ?? null,
      };
      this.#put(checkpointsTable.name, key, { ...row, ...moved });
    }
    return { affected };
  }

  /** A statement takes its time, or is the victim of a deadlock: the server has rolled back then. */
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

/**
 * The dialect of one process.
 * @param open a new connection, kept until its work has ended.
 * @param wrap puts something between a projector and its connection; tests break things with it.
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
