import type { AnyRow, CellValue } from '../projections/engine/table.js';

/** `SELECT * FROM t WHERE a = ? AND b >= ? … ORDER BY c LIMIT n`: the one form in which projections select. */
export interface Select {
  readonly tableName: string;
  readonly conditions: readonly { readonly column: string; readonly operator: string }[];
  readonly orderBy: string;
  readonly limit: number;
}

const selectForm = /^SELECT \* FROM (\w+) WHERE (.+) ORDER BY (\w+) LIMIT (\d+)$/;
const conditionForm = /^(\w+) (=|>=|<) \?$/;
const deleteForm = /^DELETE FROM (\w+) WHERE /;

const parsed = new Map<string, Select>();

/** @throws {Error} when the SELECT has another form: extend this file then. */
export function parseSelect(sql: string): Select {
  const known = parsed.get(sql);
  if (known) return known;
  const [, tableName, where, orderBy, limit] = selectForm.exec(sql) ?? [];
  if (!tableName || !where || !orderBy) throw new Error(`the simulated database cannot run: ${sql}`);
  const conditions = where.split(' AND ').map((condition) => {
    const [, column, operator] = conditionForm.exec(condition) ?? [];
    if (!column || !operator) throw new Error(`the simulated database cannot run: ${sql}`);
    return { column, operator };
  });
  const select = { tableName, conditions, orderBy, limit: Number(limit) };
  parsed.set(sql, select);
  return select;
}

/** A DELETE by the whole key. @throws {Error} when it has another form. */
export function parseDelete(sql: string): { readonly tableName: string } {
  const [, tableName] = deleteForm.exec(sql) ?? [];
  if (!tableName) throw new Error(`the simulated database cannot run: ${sql}`);
  return { tableName };
}

/** The rows a SELECT finds. */
export function matching(
  rows: readonly AnyRow[],
  { conditions, orderBy, limit }: Select,
  parameters: readonly CellValue[],
): AnyRow[] {
  const found = rows.filter((row) =>
    conditions.every(({ column, operator }, index) =>
      holds(row[column] ?? null, operator, parameters[index] ?? null),
    ),
  );
  return found.sort((a, b) => compareCells(a[orderBy] ?? null, b[orderBy] ?? null)).slice(0, limit);
}

function holds(value: CellValue, operator: string, parameter: CellValue): boolean {
  // In SQL nothing compares with null.
  if (value === null || parameter === null) return false;
  const order = compareCells(value, parameter);
  if (operator === '=') return order === 0;
  return operator === '<' ? order < 0 : order >= 0;
}

/** By code unit, and nulls first, as the databases order. */
export function compareCells(a: CellValue, b: CellValue): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}
