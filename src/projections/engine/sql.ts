import type { Table } from './table.js';

/** Portable SQL text. Table and column names are ours, plain snake_case and never reserved words. */

/** `INSERT … VALUES (…), (…)` for `rowCount` rows, all columns in the table's order. */
export function insertSql(table: Table, tableName: string, rowCount: number): string {
  const columns = Object.keys(table.columns);
  const row = `(${placeholders(columns.length)})`;
  return `INSERT INTO ${tableName} (${columns.join(', ')}) VALUES ${repeat(row, rowCount)}`;
}

/** The columns an upsert overwrites. */
export function columnsBesideKey(table: Table): string[] {
  return Object.keys(table.columns).filter((column) => !table.key.includes(column));
}

/** `DELETE` of one row by key. */
export function deleteSql(table: Table, tableName: string): string {
  return `DELETE FROM ${tableName} WHERE ${keyCondition(table)}`;
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
