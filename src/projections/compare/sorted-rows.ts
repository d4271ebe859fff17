import { type AnyRow, type CellValue, keyOfRow, type Table } from '../engine/table.js';

/** Runs one query on a connection whose answers all show the same moment. */
export type Query = (sql: string, parameters: readonly CellValue[]) => Promise<AnyRow[]>;

/** Rows held in memory of each side. */
const pageRows = 500;

/**
 * All rows of a table in the order of its key, read page by page.
 * @param tableName where the table physically is.
 */
export async function* sortedRows(
  query: Query,
  table: Table,
  tableName: string = table.name,
): AsyncGenerator<AnyRow> {
  const order = table.key.join(', ');
  let after: readonly CellValue[] | undefined;
  for (;;) {
    const where = after ? `WHERE ${afterKey(table)} ` : '';
    const parameters = after ? parametersOf(after) : [];
    const rows = await query(
      `SELECT * FROM ${tableName} ${where}ORDER BY ${order} LIMIT ${pageRows}`,
      parameters,
    );
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageRows) return;
    after = keyOfRow(table, last);
  }
}

/**
 * "Behind this key" in a form that every engine answers from the key's index: MySQL does not do so for
 * `(a, b) > (?, ?)`. The first column alone bounds the range.
 */
function afterKey(table: Table): string {
  const [first = '', ...rest] = table.key;
  if (rest.length === 0) return `${first} > ?`;
  const steps = table.key.map((column, index) =>
    [...table.key.slice(0, index).map((earlier) => `${earlier} = ?`), `${column} > ?`].join(' AND '),
  );
  return `${first} >= ? AND (${steps.map((step) => `(${step})`).join(' OR ')})`;
}

function parametersOf(key: readonly CellValue[]): CellValue[] {
  const [first = null, ...rest] = key;
  if (rest.length === 0) return [first];
  return [first, ...key.flatMap((_, index) => key.slice(0, index + 1))];
}
