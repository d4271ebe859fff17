import { allTables } from '../projections/all-projections.js';
import { checkpointsTable } from '../projections/engine/checkpoints.js';
import { type AnyRow, keyOfRow, keyText, type RowOf, type Table } from '../projections/engine/table.js';

type Rows = Map<string, AnyRow>;

/** Changes of one transaction: by table, by key, the new row or null for a removed one. */
export type Changes = Map<string, Map<string, AnyRow | null>>;

/** The read models' tables in memory: what is committed, and who may write now. */
export class SimulatedDatabase {
  #tables = new Map<string, Rows>(allTables.map((table) => [table.name, new Map()]));
  #writer: object | undefined;
  readonly #waiting: { readonly writer: object; readonly go: () => void }[] = [];

  /** Committed rows, in no particular order. */
  rows<T extends Table>(table: T): RowOf<T>[] {
    // A table's rows were put as rows of that table.
    return [...this.#rowsOf(table.name).values()] as RowOf<T>[];
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

  /** Calls `go` when no other transaction writes: at once, or later in the order of asking. */
  lock(writer: object, go: () => void): void {
    if (this.#writer === undefined || this.#writer === writer) {
      this.#writer = writer;
      go();
    } else {
      this.#waiting.push({ writer, go });
    }
  }

  /** Lets the next one write, or gives up waiting. */
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

  /** Where every projection is, by name. */
  checkpoints(): ReadonlyMap<string, number> {
    return new Map(this.rows(checkpointsTable).map(({ name, position }) => [name, position]));
  }

  /** A backup of everything committed. */
  backup(): ReadonlyMap<string, Rows> {
    return new Map([...this.#tables].map(([name, rows]) => [name, new Map(rows)]));
  }

  /** Puts a backup in the place of everything. */
  restore(backup: ReadonlyMap<string, Rows>): void {
    this.#tables = new Map([...backup].map(([name, rows]) => [name, new Map(rows)]));
  }

  #rowsOf(tableName: string): Rows {
    const rows = this.#tables.get(tableName);
    if (!rows) throw new Error(`there is no table ${tableName}`);
    return rows;
  }
}

/** The key of a row as the tables above have it. */
export function rowKey(table: Table, row: AnyRow): string {
  return keyText(keyOfRow(table, row));
}
