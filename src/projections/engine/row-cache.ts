import { LRUCache } from 'lru-cache';
import type { AnyRow, CellValue, Table } from './table.js';

/** Rows kept per table, unless told otherwise; a row takes about a kilobyte, and there are twenty tables. */
const defaultCachedRows = 2_000;

/** What is known of a key: its row, or that there is none. */
export interface Known {
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
