import { type DataSource, type QueryRunner, Table, type TableColumnOptions, TableIndex } from 'typeorm';

/** Column types that every engine has; the names are SQL's, and `datetime` has milliseconds. */
type ColumnKind = 'varchar' | 'text' | 'int' | 'bigint' | 'double' | 'boolean' | 'datetime' | 'json';

/** The TypeORM driver a read-model database uses. */
type DatabaseType = 'better-sqlite3' | 'mysql' | 'mariadb';

/**
 * Ids differ by case, accents and blanks at the end, so text compares by code point. `utf8mb4_bin`, which both
 * servers have, ignores blanks at the end.
 */
const textOrders = {
  mysql: { charset: 'utf8mb4', collation: 'utf8mb4_0900_bin' },
  mariadb: { charset: 'utf8mb4', collation: 'utf8mb4_nopad_bin' },
  'better-sqlite3': {},
} as const;

function indexName(tableName: string, columns: readonly string[]): string {
  return `ix_${tableName}_${columns.join('_')}`;
}

/**
 * What TypeORM's metadata does not say of a new table: text compares by code point, and booleans are `TINYINT(1)` on
 * MySQL, by which its clients know them.
 */
export function asStored({ options }: DataSource, table: Table): Table {
  // Read models are opened with no other driver.
  const textOrder = textOrders[options.type as DatabaseType];
  for (const column of table.columns) {
    if (column.type === 'varchar' || column.type === 'text') Object.assign(column, textOrder);
    if (column.type === 'tinyint') column.type = 'boolean';
  }
  return table;
}

/** A column in a migration: its type, and `null` after it when it may be null ("varchar(36) null"). */
type ColumnSpec = string;

/** What a migration says of a table. Frozen once released: change a table by another migration. */
export interface TableSpec {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnSpec>>;
  readonly key: readonly string[];
  readonly indexes?: readonly (readonly string[])[];
}

/**
 * Creates a table through TypeORM, in the types of the runner's database. One that is there already stays: where
 * DDL commits by itself, a migration that was cut off runs again.
 * @param options.mayExist false: the migration has just dropped it, so nothing has to be looked up.
 * @throws {Error} when a column's text is not a known type.
 */
export async function createTable(
  runner: QueryRunner,
  spec: TableSpec,
  { mayExist = true } = {},
): Promise<void> {
  const table = new Table({
    name: spec.name,
    columns: Object.entries(spec.columns).map(([name, text]) => ({
      ...columnOptions(runner, name, text),
      ...(spec.key.includes(name) ? { isPrimary: true, primaryKeyConstraintName: `pk_${spec.name}` } : {}),
    })),
    indices: (spec.indexes ?? []).map(
      (columns) => new TableIndex({ name: indexName(spec.name, columns), columnNames: [...columns] }),
    ),
  });
  await runner.createTable(asStored(runner.dataSource, table), mayExist);
}

/**
 * Adds columns to a table, and leaves those that it has: where DDL commits by itself, a migration may run again. Servers
 * are asked once and told once: before each column TypeORM would read the whole schema, in queries that end MariaDB
 * 10.11.19 now and then.
 */
export async function addColumns(
  runner: QueryRunner,
  table: string,
  columns: Readonly<Record<string, ColumnSpec>>,
): Promise<void> {
  const { dataSource } = runner;
  const options = Object.entries(columns).map(([name, text]) => columnOptions(runner, name, text));
  const added = asStored(dataSource, new Table({ name: table, columns: options })).columns;
  if (dataSource.options.type === 'better-sqlite3') {
    for (const column of added) {
      if (!(await runner.hasColumn(table, column.name))) await runner.addColumn(table, column);
    }
    return;
  }
  // The driver returns the rows of SHOW as they are.
  const rows = (await runner.query(`SHOW COLUMNS FROM ${table}`)) as { readonly Field: string }[];
  const present = new Set(rows.map(({ Field }) => Field));
  const clauses = added
    .filter(({ name }) => !present.has(name))
    .map((column) => {
      const { name, charset, collation, isNullable } = column;
      const order = charset && collation ? ` CHARACTER SET ${charset} COLLATE ${collation}` : '';
      const type = dataSource.driver.createFullType(column);
      return `ADD COLUMN ${name} ${type}${order} ${isNullable ? 'NULL' : 'NOT NULL'}`;
    });
  if (clauses.length > 0) await runner.query(`ALTER TABLE ${table} ${clauses.join(', ')}`);
}

/** Replaces an index of a table; a migration that was cut off runs again. */
export async function replaceIndex(
  runner: QueryRunner,
  table: string,
  { from, to }: { readonly from: readonly string[]; readonly to: readonly string[] },
): Promise<void> {
  await addIndex(runner, table, to);
  await dropIndex(runner, table, from);
}

/** Adds an index to a table, unless it has it: where DDL commits by itself, a migration may run again. */
export async function addIndex(
  runner: QueryRunner,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const name = indexName(table, columns);
  if ((await indexesOf(runner, table)).has(name)) return;
  await runner.query(`CREATE INDEX ${name} ON ${table} (${columns.join(', ')})`);
}

/** Removes an index from a table, if it has it. */
export async function dropIndex(
  runner: QueryRunner,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const name = indexName(table, columns);
  if (!(await indexesOf(runner, table)).has(name)) return;
  const isSqlite = runner.dataSource.options.type === 'better-sqlite3';
  await runner.query(`DROP INDEX ${name}${isSqlite ? '' : ` ON ${table}`}`);
}

async function indexesOf(runner: QueryRunner, table: string): Promise<ReadonlySet<string>> {
  if (runner.dataSource.options.type === 'better-sqlite3') {
    // The driver returns the rows as they are.
    const rows = (await runner.query(`SELECT name FROM sqlite_master WHERE type = 'index'`)) as {
      readonly name: string;
    }[];
    return new Set(rows.map(({ name }) => name));
  }
  // As above.
  const rows = (await runner.query(`SHOW INDEX FROM ${table}`)) as { readonly Key_name: string }[];
  return new Set(rows.map(({ Key_name }) => Key_name));
}

function columnOptions(runner: QueryRunner, name: string, text: ColumnSpec): TableColumnOptions {
  const match = columnPattern.exec(text);
  if (!match) throw new Error(`not a column type: ${text}`);
  // The pattern admits only kinds.
  const [, kind, length, nullable] = match as unknown as [string, ColumnKind, string?, string?];
  // TypeORM reads an SQLite `int` back as `integer`.
  const isSqlite = runner.dataSource.options.type === 'better-sqlite3';
  return {
    name,
    type: isSqlite && kind === 'int' ? 'integer' : kind,
    ...(length === undefined ? {} : { length }),
    ...(kind === 'datetime' ? { precision: 3 } : {}),
    isNullable: nullable !== undefined,
  };
}

const columnPattern = /^(varchar|text|int|bigint|double|boolean|datetime|json)(?:\((\d+)\))?( null)?$/;
