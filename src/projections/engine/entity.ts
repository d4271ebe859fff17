import {
  type ColumnOptions,
  DefaultNamingStrategy,
  getMetadataArgsStorage,
  type Table as SchemaTable,
} from 'typeorm';

/** What a database stores in a column. */
export type CellValue = string | number | null;

/** A row as a database has it. */
export type Cells = Readonly<Record<string, CellValue>>;

/** A row as projections have it, of a table that is not known to the type system. */
export type AnyRow = Readonly<Record<string, unknown>>;

/** The class of a read model's rows: decorated with TypeORM, the only statement of its columns, keys and indexes. */
export type Entity<Row extends object = object> = new () => Row;

/** Columns of the primary key with their values. */
export type Key<Row> = { readonly [Column in keyof Row]?: Row[Column] };

/** A UUID in its 36 characters. */
export const uuid = { type: 'varchar', length: 36 } as const satisfies ColumnOptions;

/** Text of at most `length` characters. */
export const varchar = (length: number) => ({ type: 'varchar', length }) as const satisfies ColumnOptions;

/** Text of at most 65,535 bytes in UTF-8. */
export const text = { type: 'text' } as const satisfies ColumnOptions;

/** A moment in its 24 characters: text order is time order. */
export const moment = { type: 'varchar', length: 24 } as const satisfies ColumnOptions;

/** A JSON document as text. */
export const json = { type: 'text' } as const satisfies ColumnOptions;

export const int = { type: 'int' } as const satisfies ColumnOptions;

/** 0 or 1. */
export const flag = { type: 'smallint' } as const satisfies ColumnOptions;

/** A whole number up to 2^53: points and log positions. */
export const bigint = { type: 'bigint' } as const satisfies ColumnOptions;

export const double = { type: 'double' } as const satisfies ColumnOptions;

/** The same column, or null. */
export const nullable = (column: ColumnOptions) => ({ ...column, nullable: true });

/** An entity's table, as the statements of the projections need it. */
export interface Table {
  readonly name: string;
  /** In the order of their declaration. */
  readonly columns: readonly string[];
  /** Columns of the primary key, in order. */
  readonly key: readonly string[];
}

const tables = new Map<Entity, Table>();

/** The table of a decorated class. @throws {Error} when the class is not an entity. */
export function tableOf(entity: Entity): Table {
  let table = tables.get(entity);
  if (!table) {
    const storage = getMetadataArgsStorage();
    const name = storage.tables.find(({ target }) => target === entity)?.name;
    if (name === undefined) throw new Error(`${entity.name} is not decorated with @Entity`);
    const columns = storage.columns.filter(({ target }) => target === entity);
    table = {
      name,
      columns: columns.map(({ propertyName }) => propertyName),
      key: columns.filter(({ options }) => options.primary).map(({ propertyName }) => propertyName),
    };
    tables.set(entity, table);
  }
  return table;
}

/** Values of the key columns, in order. @throws {Error} when one is missing. */
export function keyValues<Row extends object>(entity: Entity<Row>, key: Key<Row>): CellValue[] {
  const { key: columns, name } = tableOf(entity);
  return columns.map((column) => {
    // Key columns hold text and numbers.
    const value = (key as Cells)[column];
    if (value === undefined) throw new Error(`the key of ${name} lacks ${column}`);
    return value;
  });
}

/** A row's key as one string: equal for equal keys of the same table. No key contains control characters. */
export function keyText(key: readonly CellValue[]): string {
  return key.length === 1 ? String(key[0]) : key.join('\u0000');
}

/** The key of a row. */
export function keyOfRow({ key }: Table, row: AnyRow): CellValue[] {
  // As in keyValues.
  return key.map((column) => (row as Cells)[column] ?? null);
}

/** A row's columns as they are stored, in the order of the table; those that are missing are null. */
export function cellsOf({ columns }: Table, row: AnyRow): CellValue[] {
  return columns.map((column) => cellOf(column, row[column]));
}

/** A value of a column as it is stored. */
export function cellOf(_column: string, value: unknown): CellValue {
  return (value ?? null) as CellValue;
}

/** A stored row as projections have it. */
export function rowOf(_table: Table, cells: Cells): AnyRow {
  return cells;
}

/** The same row for equal rows, whichever database they come from. */
export function comparableCells({ columns }: Table, row: AnyRow): Cells {
  return Object.fromEntries(columns.map((column) => [column, (row[column] ?? null) as CellValue]));
}

/** Names of keys and indexes: those of the migrations. */
export class TableNames extends DefaultNamingStrategy {
  override primaryKeyName(table: SchemaTable | string): string {
    return `pk_${tableNameOf(table)}`;
  }

  override indexName(table: SchemaTable | string, columns: string[]): string {
    return `ix_${tableNameOf(table)}_${columns.join('_')}`;
  }
}

function tableNameOf(table: SchemaTable | string): string {
  return typeof table === 'string' ? table : table.name;
}
