import type { Selection } from './dialect.js';
import { type AnyRow, type CellValue, cellOf, type Table } from './entity.js';

/** Portable SQL text. Table and column names are ours, plain snake_case and never reserved words. */

/** `INSERT … VALUES (…), (…)` for `rowCount` rows, all columns in the table's order. */
export function insertSql(table: Table, tableName: string, rowCount: number): string {
  const { columns } = table;
  const row = `(${placeholders(columns.length)})`;
  return `INSERT INTO ${tableName} (${columns.join(', ')}) VALUES ${repeat(row, rowCount)}`;
}

/** The columns an upsert overwrites. */
export function columnsBesideKey(table: Table): string[] {
  return table.columns.filter((column) => !table.key.includes(column));
}

/** `DELETE` of one row by key. */
export function deleteSql(table: Table, tableName: string): string {
  return `DELETE FROM ${tableName} WHERE ${keyCondition(table)}`;
}

/** `SELECT` of the rows of a selection, with its parameters. */
export function selectSql(
  table: Table,
  tableName: string,
  { equal, range, orderBy, limit }: Selection<AnyRow>,
): { readonly sql: string; readonly parameters: readonly CellValue[] } {
  const conditions: string[] = [];
  const parameters: CellValue[] = [];
  const where = (column: string, operator: string, value: unknown): void => {
    conditions.push(`${column} ${operator} ?`);
    parameters.push(cellOf(table, column, value));
  };
  for (const [column, value] of Object.entries(equal)) where(column, '=', value);
  if (range) {
    where(range.column, '>=', range.from);
    if (range.to !== undefined) where(range.column, '<', range.to);
  }
  const sql = `SELECT * FROM ${tableName} WHERE ${conditions.join(' AND ')} ORDER BY ${orderBy} LIMIT ${limit}`;
  return { sql, parameters };
}

/** `key1 = ? AND key2 = ?`. */
export function keyCondition(table: Table): string {
  return table.key.map((column) => `${column} = ?`).join(' AND ');
}

/** `?, ?, ?`. */
export function placeholders(count: number): string {
  return repeat('?', count);
}

function repeat(part: string, count: number): string {
  return new Array<string>(count).fill(part).join(', ');
}
