import {
  type DataSource,
  type QueryRunner,
  Table,
  TableColumn,
  type TableColumnOptions,
  TableIndex,
} from 'typeorm';

/** Column types every engine has; `mediumtext` holds at least 1 MiB. */
type ColumnKind = 'varchar' | 'text' | 'mediumtext' | 'int' | 'smallint' | 'bigint' | 'double';

/** The TypeORM driver a read-model database uses. */
export type DatabaseType = 'better-sqlite3' | 'mysql' | 'mariadb';

/**
 * Ids differ by case, accents and blanks at the end, so text compares by code point. `utf8mb4_bin`, which both
 * servers have, ignores blanks at the end.
 */
const mysqlText = {
  mysql: { charset: 'utf8mb4', collation: 'utf8mb4_0900_bin' },
  mariadb: { charset: 'utf8mb4', collation: 'utf8mb4_nopad_bin' },
  'better-sqlite3': {},
} as const;

/** The column's type name in this database. */
export function columnTypeFor(kind: ColumnKind, type: DatabaseType): ColumnKind | 'integer' {
  if (type !== 'better-sqlite3') return kind;
  // TypeORM reads an SQLite `int` back as `integer`.
  if (kind === 'int') return 'integer';
  return kind === 'mediumtext' ? 'text' : kind;
}

/** How text columns of this kind compare in this database; nothing for other kinds. */
export function textOptions(kind: ColumnKind, type: DatabaseType): { charset?: string; collation?: string } {
  return kind === 'varchar' || kind === 'text' || kind === 'mediumtext' ? mysqlText[type] : {};
}

export function indexName(tableName: string, columns: readonly string[]): string {
  return `ix_${tableName}_${columns.join('_')}`;
}

export function keyName(tableName: string): string {
  return `pk_${tableName}`;
}

/** Makes the text columns of a new table compare by code point. */
export function orderedByCodePoint({ options }: DataSource, table: Table): Table {
  // Read models are opened with no other driver.
  const order = mysqlText[options.type as DatabaseType];
  for (const column of table.columns) {
    if (column.type === 'varchar' || column.type === 'text') Object.assign(column, order);
  }
  return table;
}

/** A column in a migration: its type, and `null` after it when it may be null ("varchar(36) null"). */
export type ColumnSpec = string;

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
 * @throws {Error} when a column's text is not a known type.
 */
export async function createTable(runner: QueryRunner, spec: TableSpec): Promise<void> {
  await runner.createTable(
    new Table({
      name: spec.name,
      columns: Object.entries(spec.columns).map(([name, text]) => ({
        ...columnOptions(runner, name, text),
        ...(spec.key.includes(name) ? { isPrimary: true, primaryKeyConstraintName: keyName(spec.name) } : {}),
      })),
      indices: (spec.indexes ?? []).map(
        (columns) => new TableIndex({ name: indexName(spec.name, columns), columnNames: [...columns] }),
      ),
    }),
    true,
  );
}

/** Adds a column that may be null, unless it is there already: see {@link createTable}. */
export async function addColumn(
  runner: QueryRunner,
  tableName: string,
  name: string,
  text: ColumnSpec,
): Promise<void> {
  if (await runner.hasColumn(tableName, name)) return;
  await runner.addColumn(tableName, new TableColumn(columnOptions(runner, name, text)));
}

function columnOptions(runner: QueryRunner, name: string, text: ColumnSpec): TableColumnOptions {
  // Read models are opened with no other driver.
  const type = runner.dataSource.options.type as DatabaseType;
  const { kind, length, isNullable } = parseColumn(text);
  return {
    name,
    type: columnTypeFor(kind, type),
    ...(length === undefined ? {} : { length }),
    ...textOptions(kind, type),
    isNullable,
  };
}

const columnPattern = /^(varchar|text|mediumtext|int|smallint|bigint|double)(?:\((\d+)\))?( null)?$/;

function parseColumn(text: ColumnSpec): {
  kind: ColumnKind;
  length: string | undefined;
  isNullable: boolean;
} {
  const match = columnPattern.exec(text);
  if (!match) throw new Error(`not a column type: ${text}`);
  // The pattern admits only kinds.
  return { kind: match[1] as ColumnKind, length: match[2], isNullable: match[3] !== undefined };
}
