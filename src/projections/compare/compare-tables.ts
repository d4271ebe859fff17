import type { Projection } from '../engine/projection.js';
import type { AnyRow, Table } from '../engine/table.js';
import { compareRows, type RowDifference } from './compare-rows.js';
import { type ComparedTable, maxListedPerTable, type WrongCell, type WrongRow } from './comparison.js';
import type { DecidingEvents } from './deciding-events.js';
import { type Query, sortedRows } from './sorted-rows.js';

/** A row of a table that is not as expected. */
export interface TableDifference {
  readonly table: Table;
  readonly row: RowDifference;
}

/** A side of a comparison: how to ask, and what a table is called there. */
export interface TableSide {
  readonly query: Query;
  /** Default: the table's own name. */
  readonly nameOf?: (table: Table) => string;
}

/** Compares all tables of some projections, row by row. */
export async function compareTables(
  projections: readonly Projection[],
  expected: TableSide,
  found: TableSide,
  signal?: AbortSignal,
): Promise<{ readonly tables: ComparedTable[]; readonly differences: TableDifference[] }> {
  const tables: ComparedTable[] = [];
  const differences: TableDifference[] = [];
  for (const { name: projection, tables: own } of projections) {
    for (const table of own) {
      let rows = 0;
      let count = 0;
      const onRow = (): void => {
        signal?.throwIfAborted();
        rows++;
      };
      for await (const row of compareRows(table, rowsOf(expected, table), rowsOf(found, table), onRow)) {
        if (count < maxListedPerTable) differences.push({ table, row });
        count++;
      }
      tables.push({ table: table.name, projection, rows, differences: count });
    }
  }
  return { tables, differences };
}

/** A difference in words of the table, with the events that decided what was expected. */
export function describeDifference({ table, row }: TableDifference, events: DecidingEvents): WrongRow {
  const key: AnyRow = Object.fromEntries(table.key.map((column, index) => [column, row.key[index] ?? null]));
  const cells =
    row.kind !== 'different'
      ? []
      : row.columns.map(
          (column): WrongCell => ({
            column,
            expected: row.expected[column] ?? null,
            found: row.found[column] ?? null,
            event: events.of(table, row.key, column),
          }),
        );
  return { table: table.name, key, kind: row.kind, event: events.of(table, row.key), cells };
}

function rowsOf({ query, nameOf }: TableSide, table: Table): AsyncGenerator<AnyRow> {
  return sortedRows(query, table, nameOf?.(table));
}
