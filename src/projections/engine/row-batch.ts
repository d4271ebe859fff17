import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { WriteSession } from './dialect.js';
import { deleteSql } from './sql.js';
import {
  type AnyRow,
  type CellValue,
  type KeyOf,
  keyOfRow,
  keyText,
  type RowOf,
  type Table,
} from './table.js';

/** Rows kept per table, unless told otherwise; a row takes about a kilobyte, and there are twenty tables. */
const defaultCachedRows = 5_000;

/** Where the physical tables are: a rebuild writes the same tables under other names. */
export type TableNames = (table: Table) => string;

/** Which rows to select: `equal` columns, then one `range` column (`from` inclusive, `to` exclusive). */
export interface Selection<T extends Table> {
  readonly equal: Partial<RowOf<T>>;
  readonly range?: {
    readonly column: keyof RowOf<T> & string;
    readonly from: CellValue;
    readonly to: CellValue;
  };
  /** Ascending. */
  readonly orderBy: keyof RowOf<T> & string;
  readonly limit: number;
}

/** A row that handlers will get; one that is new needs no reading. */
export interface Wanted {
  readonly key: readonly CellValue[];
  readonly isNew: boolean;
}

/** What is known of a key: its row, or that there is none. */
export interface Known {
  readonly key: readonly CellValue[];
  readonly row: AnyRow | null;
}

/** Committed rows a projection keeps from batch to batch. Clear it whenever a batch fails. */
export class RowCache {
  private readonly tables = new Map<Table, LRUCache<string, Known>>();

  /** @param maxRows kept per table after they were written or read; the least recently used go first. */
  constructor(private readonly maxRows = defaultCachedRows) {}

  of(table: Table): LRUCache<string, Known> {
    let rows = this.tables.get(table);
    if (!rows) {
      rows = new LRUCache({ max: this.maxRows });
      this.tables.set(table, rows);
    }
    return rows;
  }

  /** Emptied, not dropped: a cache reserves its places when it is made, which costs more than filling it. */
  clear(): void {
    for (const rows of this.tables.values()) rows.clear();
  }
}

interface TableState {
  /** Changed and not yet written. */
  readonly dirty: Map<string, Known>;
  readonly cache: LRUCache<string, Known>;
}

/**
 * The rows a projection changes in one batch. Handlers read and write whole rows; changes are kept per key
 * until the batch ends, so a row changed a hundred times is written once. Rows are never modified in place:
 * put a changed copy.
 */
export class RowBatch {
  private readonly states = new Map<Table, TableState>();
  private dirtyRows = 0;

  constructor(
    private readonly tableName: TableNames,
    private readonly session: WriteSession,
    private readonly cache: RowCache,
    /** Called for every row put or deleted. */
    private readonly onChange: (table: Table, known: Known) => void = () => {},
  ) {}

  /** Rows waiting to be written. */
  get size(): number {
    return this.dirtyRows;
  }

  /** The row as all earlier events left it: from this batch, the cache or the database. */
  get<T extends Table>(table: T, key: KeyOf<T>): RowOf<T> | undefined | Promise<RowOf<T> | undefined> {
    const state = this.state(table);
    const text = keyText(key);
    const known = knownIn(state, text);
    // Whatever is stored under this table was put or read as a row of this table.
    if (known) return (known.row ?? undefined) as RowOf<T> | undefined;
    return this.load(table, [key]).then(
      () => (state.cache.get(text)?.row ?? undefined) as RowOf<T> | undefined,
    );
  }

  /** Inserts or replaces the whole row. */
  put<T extends Table>(table: T, row: RowOf<T>): void {
    // A RowOf is a record of cell values by construction of Table.
    const plain = row as AnyRow;
    this.mark(table, { key: keyOfRow(table, plain), row: plain });
  }

  /** Removes the row, if there is one. */
  delete<T extends Table>(table: T, key: KeyOf<T>): void {
    this.mark(table, { key, row: null });
  }

  /**
   * Rows by something other than the key. Writes this table's changes first, so use it for rare events; each
   * call gives the event loop a turn, so that a long series of them does not stall the process.
   */
  async select<T extends Table>(table: T, selection: Selection<T>): Promise<RowOf<T>[]> {
    await nextTurn();
    await this.flushTable(table, this.state(table));
    const equal = Object.entries(selection.equal);
    const conditions = equal.map(([column]) => `${column} = ?`);
    // Partial<RowOf> holds only cell values.
    const parameters = equal.map(([, value]) => value as CellValue);
    if (selection.range) {
      conditions.push(`${selection.range.column} >= ?`, `${selection.range.column} < ?`);
      parameters.push(selection.range.from, selection.range.to);
    }
    const rows = await this.session.all(
      `SELECT * FROM ${this.tableName(table)} WHERE ${conditions.join(' AND ')} ` +
        `ORDER BY ${selection.orderBy} LIMIT ${selection.limit}`,
      parameters,
    );
    // The columns of the table are those of its row type.
    return rows as RowOf<T>[];
  }

  /** Reads rows together so that later gets need no query. `wants`: by {@link keyText}. */
  async prefetch(table: Table, wants: ReadonlyMap<string, Wanted>): Promise<void> {
    const state = this.state(table);
    const missing: (readonly CellValue[])[] = [];
    for (const [text, { key, isNew }] of wants) {
      if (knownIn(state, text)) continue;
      if (isNew) state.cache.set(text, { key, row: null });
      else missing.push(key);
    }
    if (missing.length > 0) await this.load(table, missing);
  }

  /** Writes every change. */
  async flush(): Promise<void> {
    for (const [table, state] of this.states) await this.flushTable(table, state);
  }

  private mark(table: Table, known: Known): void {
    this.onChange(table, known);
    const { dirty } = this.state(table);
    const text = keyText(known.key);
    if (!dirty.has(text)) this.dirtyRows++;
    dirty.set(text, known);
  }

  private async load(table: Table, keys: readonly (readonly CellValue[])[]): Promise<void> {
    const { cache } = this.state(table);
    const rows = await this.session.rowsByKey(table, this.tableName(table), keys);
    for (const key of keys) cache.set(keyText(key), { key, row: null });
    for (const row of rows) {
      const key = keyOfRow(table, row);
      cache.set(keyText(key), { key, row });
    }
  }

  private async flushTable(table: Table, { dirty, cache }: TableState): Promise<void> {
    if (dirty.size === 0) return;
    const changes = [...dirty];
    this.dirtyRows -= dirty.size;
    dirty.clear();
    const written: AnyRow[] = [];
    for (const [text, known] of changes) {
      cache.set(text, known);
      if (known.row) written.push(known.row);
      else await this.session.run(deleteSql(table, this.tableName(table)), known.key);
    }
    await this.session.upsert(table, this.tableName(table), written);
  }

  private state(table: Table): TableState {
    let state = this.states.get(table);
    if (!state) {
      state = { dirty: new Map(), cache: this.cache.of(table) };
      this.states.set(table, state);
    }
    return state;
  }
}

function knownIn(state: TableState, text: string): Known | undefined {
  return state.dirty.get(text) ?? state.cache.get(text);
}
