import { Database } from '../platform/sqlite.js';
import { allTables } from '../projections/all-projections.js';
import {
  type AnyRow,
  type Cells,
  type CellValue,
  cellsOf,
  rowOf,
  type Table,
} from '../projections/engine/entity.js';

/** The rows of a table, by its name, as a transaction sees them. */
type RowsOf = (tableName: string) => readonly AnyRow[];

let opened: InstanceType<typeof Database> | undefined;

/** One for all statements of the thread: its tables are filled for each of them. */
function database() {
  if (opened) return opened;
  opened = new Database(':memory:');
  for (const { name, columns } of allTables) opened.exec(`CREATE TABLE ${name} (${columns.join(', ')})`);
  return opened;
}

/** The tables that a statement names, filled. */
function filledFor(sql: string, rowsOf: RowsOf) {
  const db = database();
  const words = new Set(sql.match(/\w+/g));
  for (const table of allTables.filter(({ name }) => words.has(name))) {
    db.exec(`DELETE FROM ${table.name}`);
    const insert = db.prepare(
      `INSERT INTO ${table.name} VALUES (${table.columns.map(() => '?').join(', ')})`,
    );
    for (const row of rowsOf(table.name)) insert.run(...cellsOf(table, row));
  }
  return db;
}

/** What a SELECT of a projection finds in these rows. */
export function selectFrom(rowsOf: RowsOf, sql: string, parameters: readonly CellValue[]): Cells[] {
  // The driver's rows hold cells.
  return filledFor(sql, rowsOf)
    .prepare(sql)
    .all(...parameters) as Cells[];
}

/** Rows that an UPDATE of a projection changes, as they are then. @throws {Error} when it is no UPDATE of a read model. */
export function updateOf(
  rowsOf: RowsOf,
  sql: string,
  parameters: readonly CellValue[],
): { readonly table: Table; readonly rows: AnyRow[] } {
  const tableName = /^UPDATE (\w+) SET /.exec(sql)?.[1];
  const table = allTables.find(({ name }) => name === tableName);
  if (!table) throw new Error(`the simulated database cannot run: ${sql}`);
  const db = filledFor(sql, rowsOf);
  // The driver's rows hold cells.
  const all = () =>
    db.prepare(`SELECT * FROM ${table.name} ORDER BY rowid`).all() as Record<string, CellValue>[];
  const before = all();
  db.prepare(sql).run(...parameters);
  const changed = all().filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]));
  return { table, rows: changed.map((cells) => rowOf(table, cells)) };
}
