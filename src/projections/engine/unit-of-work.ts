import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Selection, WriteSession } from './dialect.js';
import {
  type AnyRow,
  type Cells,
  type CellValue,
  type Entity,
  type Key,
  keyOfRow,
  keyText,
  keyValues,
  type Table,
  tableOf,
} from './entity.js';

/** Rows changed before they are written in the middle of a batch: bounds memory. */
const maxChangedRows = 20_000;

/** Changed rows by table and {@link keyText}. */
export type RowChanges = ReadonlyMap<Table, ReadonlyMap<string, Known>>;

/** Where a batch finds the rows it has not changed itself. */
export interface RowSource {
  /** Where the physical tables are: a rebuild writes the same tables under other names. */
  tableName(table: Table): string;
  /** The batch before, while it is being written: its rows are not yet in the database. */
  readonly unwritten: RowChanges;
  /** Rows of the database without those of {@link unwritten}. */
  committed(table: Table, keys: readonly (readonly CellValue[])[]): Promise<AnyRow[]>;
  /** The batch's transaction, once it is open: the batch before is then in the database. */
  readonly transaction: WriteSession | undefined;
  /** Opens it before the end of the batch. */
  openTransaction(): Promise<WriteSession>;
}

/** SQL with its parameters: moments as storedMoment makes them, flags as 0 and 1. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly CellValue[];
}

/** Where the rows of an entity are: a rebuild has them in tables of other names. */
export type NameOf = (entity: Entity) => string;

export interface RowUpdate {
  /** Assignments; nothing of the key. */
  readonly set: Statement;
  /** A condition; a row that was changed does not meet it any more. */
  readonly where: Statement;
}

/** A row that handlers will get; one that is new needs no reading. */
export interface Wanted {
  readonly key: readonly CellValue[];
  readonly isNew: boolean;
}

interface TableState {
  /** Not yet written. */
  readonly changed: Map<string, Known>;
  readonly cache: LRUCache<string, Known>;
}

/**
 * The rows a projection changes in one batch. Handlers read and write whole rows; changes are kept per key
 * until the batch ends, so a row changed a hundred times is written once. Rows are never modified in place:
 * put a changed copy.
 */
export class UnitOfWork {
  private readonly states = new Map<Table, TableState>();
  private changedRows = 0;

  constructor(
    private readonly source: RowSource,
    private readonly cache: RowCache,
    /** Called for every row that is changed or deleted. */
    private readonly onChange?: (table: Table, known: Known) => void,
  ) {}

  /** The row as all earlier events left it: from this batch, the cache or the database. */
  get<Row extends object>(entity: Entity<Row>, key: Key<Row>): Row | undefined | Promise<Row | undefined> {
    const table = tableOf(entity);
    const values = keyValues(table, key);
    const state = this.state(table);
    const text = keyText(values);
    const known = this.known(state, table, text);
    // All values stored under this table were put or read as its rows.
    if (known) return (known.row ?? undefined) as Row | undefined;
    return this.load(table, [values]).then(
      () => (state.cache.get(text)?.row ?? undefined) as Row | undefined,
    );
  }

  /** Inserts or replaces the whole row. */
  put<Row extends object>(entity: Entity<Row>, row: Row): void {
    const table = tableOf(entity);
    // An object is a record of its columns.
    const plain = row as AnyRow;
    this.mark(table, { key: keyOfRow(table, plain), row: plain });
  }

  /** Removes the row, if there is one. */
  delete<Row extends object>(entity: Entity<Row>, key: Key<Row>): void {
    const table = tableOf(entity);
    this.mark(table, { key: keyValues(table, key), row: null });
  }

  /**
   * Rows by something other than the key. Writes this table's changes first, so use it for rare events; each
   * call gives the event loop a turn, so that a long series of them does not stall the process.
   */
  async select<Row extends object>(entity: Entity<Row>, selection: Selection<Row>): Promise<Row[]> {
    await nextTurn();
    const table = tableOf(entity);
    const session = await this.source.openTransaction();
    await this.write(session, table, this.state(table));
    // Its columns are those of the table's rows, and so are the rows found.
    const rows = await session.select(table, this.source.tableName(table), selection as Selection<AnyRow>);
    return rows as Row[];
  }

  /**
   * The rows of a SELECT of our own, as the database has them: for counts over rows that are too many to be read. Writes
   * everything first, as {@link update} does.
   */
  async query(statement: (nameOf: NameOf) => Statement): Promise<Cells[]> {
    const session = await this.writeAll();
    const { sql, parameters } = statement(this.nameOf);
    return session.all(sql, parameters);
  }

  /**
   * Has the database change all rows of a table that meet a condition, without reading them. Writes everything that was
   * changed before, of all tables, so use it for rare events.
   */
  async update<Row extends object>(
    entity: Entity<Row>,
    change: (nameOf: NameOf) => RowUpdate,
  ): Promise<void> {
    const table = tableOf(entity);
    const tableName = this.source.tableName(table);
    const session = await this.writeAll();
    const { set, where } = change(this.nameOf);
    const selectKeys = `SELECT ${table.key.join(', ')} FROM ${tableName} WHERE ${where.sql}`;
    const found = this.onChange ? await session.all(selectKeys, where.parameters) : [];
    await session.run(`UPDATE ${tableName} SET ${set.sql} WHERE ${where.sql}`, [
      ...set.parameters,
      ...where.parameters,
    ]);
    this.state(table).cache.clear();
    if (found.length === 0) return;
    const keys = found.map((cells) => table.key.map((column) => cells[column] ?? null));
    for (const row of await session.rowsByKey(table, tableName, keys)) {
      this.onChange?.(table, { key: keyOfRow(table, row), row });
    }
  }

  /** Reads rows together so that later gets need no query; of more keys than the cache has room for, only the last. */
  prefetch<Row extends object>(entity: Entity<Row>, keys: readonly Key<Row>[]): Promise<void> {
    const table = tableOf(entity);
    const wants = keys.map((key) => ({ key: keyValues(table, key), isNew: false }));
    return this.prefetchWanted(table, new Map(wants.map((wanted) => [keyText(wanted.key), wanted])));
  }

  /** The same for rows of which some are new. `wants`: by {@link keyText}. */
  async prefetchWanted(table: Table, wants: ReadonlyMap<string, Wanted>): Promise<void> {
    const state = this.state(table);
    const missing: (readonly CellValue[])[] = [];
    for (const [text, { key, isNew }] of wants) {
      if (this.known(state, table, text)) continue;
      if (isNew) state.cache.set(text, { key, row: null });
      else missing.push(key);
    }
    if (missing.length > 0) await this.load(table, missing);
  }

  /** Writes what has changed so far if that is a lot. */
  flushIfLarge(): Promise<unknown> | undefined {
    return this.changedRows > maxChangedRows ? this.writeAll() : undefined;
  }

  /** Ends the batch. @returns the changes that are still to be written. */
  end(): RowChanges {
    const changes = new Map<Table, ReadonlyMap<string, Known>>();
    for (const [table, { changed, cache }] of this.states) {
      for (const [text, known] of changed) cache.set(text, known);
      changes.set(table, changed);
    }
    return changes;
  }

  private readonly nameOf: NameOf = (entity) => this.source.tableName(tableOf(entity));

  private async writeAll(): Promise<WriteSession> {
    const session = await this.source.openTransaction();
    for (const [table, state] of this.states) await this.write(session, table, state);
    return session;
  }

  private mark(table: Table, known: Known): void {
    this.onChange?.(table, known);
    const { changed } = this.state(table);
    const text = keyText(known.key);
    if (!changed.has(text)) this.changedRows++;
    changed.set(text, known);
  }

  private known({ changed, cache }: TableState, table: Table, text: string): Known | undefined {
    const own = changed.get(text);
    if (own) return own;
    // Once the transaction is open, what the batch before has written may have been written over.
    const unwritten = this.source.transaction ? undefined : this.source.unwritten.get(table)?.get(text);
    return unwritten ?? cache.get(text);
  }

  private async load(table: Table, keys: readonly (readonly CellValue[])[]): Promise<void> {
    const { cache } = this.state(table);
    const { source } = this;
    const rows = source.transaction
      ? await source.transaction.rowsByKey(table, source.tableName(table), keys)
      : await source.committed(table, keys);
    for (const key of keys) cache.set(keyText(key), { key, row: null });
    for (const row of rows) {
      const key = keyOfRow(table, row);
      cache.set(keyText(key), { key, row });
    }
  }

  private async write(session: WriteSession, table: Table, { changed, cache }: TableState): Promise<void> {
    const changes = new Map(changed);
    for (const [text, known] of changes) cache.set(text, known);
    this.changedRows -= changed.size;
    changed.clear();
    await writeTable(session, table, this.source.tableName(table), changes);
  }

  private state(table: Table): TableState {
    let state = this.states.get(table);
    if (!state) {
      state = { changed: new Map(), cache: this.cache.of(table) };
      this.states.set(table, state);
    }
    return state;
  }
}

/** Writes a table's changed rows in a transaction, asking for everything at once. */
export async function writeTable(
  session: WriteSession,
  table: Table,
  tableName: string,
  changes: ReadonlyMap<string, Known>,
): Promise<void> {
  const rows: AnyRow[] = [];
  const asked: Promise<unknown>[] = [];
  for (const { key, row } of changes.values()) {
    if (row) rows.push(row);
    else asked.push(session.delete(table, tableName, key));
  }
  if (rows.length > 0) asked.push(session.upsert(table, tableName, rows));
  await Promise.all(asked);
}

/** Rows kept per table, unless told otherwise; a row takes about a kilobyte, and there are twenty tables. */
const defaultCachedRows = 2_000;

/** What is known of a key: its row, or that there is none. */
interface Known {
  readonly key: readonly CellValue[];
  readonly row: AnyRow | null;
}

/** Rows a projection keeps from batch to batch. Clear it whenever a batch fails. */
export class RowCache {
  private readonly tables = new Map<Table, LRUCache<string, Known>>();

  /** @param maxRows kept per table after they were changed or read; the least recently used go first. */
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
