import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Statement } from '../../platform/sqlite.js';
import { driverErrorField } from '../engine/dialect.js';
import type { Cells, CellValue } from '../engine/entity.js';
import type { Answer, Ask } from './writer-client.js';

/** How long to wait for another process that writes the same file, ms. */
const lockTimeoutMs = 5_000;
/** Shorter than the gaps another process leaves between long transactions, ms. */
const maxWaitMs = 10;
const maxStatements = 500;

type RowStatement = Statement<CellValue[], Cells>;

/**
 * Statements on one connection, with prepared ones kept. Straight to better-sqlite3: TypeORM's query path costs
 * several times as much as the statement.
 */
export class Statements {
  private readonly statements = new Map<string, RowStatement>();
  private isOpen = false;

  constructor(private readonly database: Database) {}

  /** From a BEGIN to its COMMIT or ROLLBACK, also when SQLite has rolled back by itself meanwhile. */
  get isInTransaction(): boolean {
    return this.isOpen;
  }

  /** @throws SQLite's error. */
  async execute(ask: Ask): Promise<Answer> {
    switch (ask.kind) {
      case 'begin':
        await untilFree(() => this.prepared('BEGIN IMMEDIATE').run());
        this.isOpen = true;
        return 0;
      case 'commit':
        this.prepared('COMMIT').run();
        this.isOpen = false;
        return 0;
      case 'rollback':
        this.isOpen = false;
        // Some failures have rolled back already.
        if (this.database.inTransaction) this.prepared('ROLLBACK').run();
        return 0;
      case 'all':
        return this.prepared(ask.sql).all(...ask.parameters);
      case 'run':
        return untilFree(() => this.prepared(ask.sql).run(...ask.parameters).changes);
      case 'run-each':
        return this.runEach(ask.sql, ask.parameterLists);
      case 'get-each':
        return this.getEach(ask.sql, ask.parameterLists);
      default:
        return ask satisfies never;
    }
  }

  /** The first row for each list of parameters, where there is one. */
  getEach(sql: string, parameterLists: readonly (readonly CellValue[])[]): Cells[] {
    const statement = this.prepared(sql);
    return parameterLists
      .map((parameters) => statement.get(...parameters))
      .filter((row) => row !== undefined);
  }

  private runEach(sql: string, parameterLists: string): number {
    const statement = this.prepared(sql);
    // Written by SqliteSession.
    const lists = JSON.parse(parameterLists) as CellValue[][];
    // Within a transaction one row a statement is faster here than many: binding costs more than stepping.
    for (const parameters of lists) statement.run(...parameters);
    return lists.length;
  }

  private prepared(sql: string): RowStatement {
    // SQLite rolls back by itself when the disk is full or fails.
    if (this.isOpen && !this.database.inTransaction) throw new Error('the transaction was rolled back');
    let statement = this.statements.get(sql);
    if (!statement) {
      if (this.statements.size >= maxStatements) this.statements.clear();
      statement = this.database.prepare<CellValue[], Cells>(sql);
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

function isBusy(error: unknown): boolean {
  return String(driverErrorField(error, 'code')).startsWith('SQLITE_BUSY');
}

/**
 * What every connection that writes the file is set to.
 * `synchronous=NORMAL` may lose the last batches in a power cut, never corrupt: their checkpoint goes with
 * them, and the log brings them back.
 */
export function setForWriting(database: Database): void {
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  // A deleted person's name must not stay in the file.
  database.pragma('secure_delete = ON');
  // The writer thread's WriteAheadLog sees to it.
  database.pragma('wal_autocheckpoint = 0');
}
