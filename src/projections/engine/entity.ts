import {
  type ColumnOptions,
  DefaultNamingStrategy,
  getMetadataArgsStorage,
  type Table as SchemaTable,
} from 'typeorm';
import { type Instant, toInstant } from '../../events/ids.js';

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

/** A moment in UTC: `2026-11-29 00:05:28.123` in the database, as TypeORM writes it there; an {@link Instant} in a row. */
export const moment = {
  type: 'datetime',
  precision: 3,
  transformer: {
    from: (stored: Date | null) => stored && toInstant(stored.getTime()),
    to: (instant: unknown) => (typeof instant === 'string' ? storedMoment(instant) : instant),
  },
} as const satisfies ColumnOptions;

/** A JSON document: any value that JSON can express. */
export const json = { type: 'json' } as const satisfies ColumnOptions;

export const int = { type: 'int' } as const satisfies ColumnOptions;

/** 0 or 1 in the database, a boolean in a row. */
export const flag = { type: 'boolean' } as const satisfies ColumnOptions;

/** A whole number up to 2^53: points and log positions. */
export const bigint = { type: 'bigint' } as const satisfies ColumnOptions;

export const double = { type: 'double' } as const satisfies ColumnOptions;

/** The same column of data that identifies a person: reports leave its values out. */
export const personal = (column: ColumnOptions): ColumnOptions & PersonalMark => ({
  ...column,
  isPersonal: true,
});

/** TypeORM keeps options that it does not know. */
interface PersonalMark {
  readonly isPersonal?: true;
}

/** The same column, or null. */
export const nullable = (column: ColumnOptions) => ({ ...column, nullable: true });

/** What a column's values look like in the database and in a row: different, or `plain` when they are the same. */
type ColumnKind = 'plain' | 'moment' | 'flag' | 'json';

const kinds: Readonly<Record<string, ColumnKind>> = { datetime: 'moment', boolean: 'flag', json: 'json' };

/** An entity's table, as the statements of the projections need it. */
export interface Table {
  readonly name: string;
  /** In the order of their declaration. */
  readonly columns: readonly string[];
  /** Of the columns, in the same order. */
  readonly kinds: readonly ColumnKind[];
  /** The columns that are not `plain`. */
  readonly converted: readonly { readonly column: string; readonly kind: ColumnKind }[];
  /** Columns of the primary key, in order. They are `plain`. */
  readonly key: readonly string[];
  /** Columns with data that identifies a person. */
  readonly personal: readonly string[];
}

const tables = new Map<Entity, Table>();

function isPersonal(options: ColumnOptions & PersonalMark): boolean {
  return options.isPersonal === true;
}

/** The table of a decorated class. @throws {Error} when the class is not an entity. */
export function tableOf(entity: Entity): Table {
  let table = tables.get(entity);
  if (!table) {
    const storage = getMetadataArgsStorage();
    const name = storage.tables.find(({ target }) => target === entity)?.name;
    if (name === undefined) throw new Error(`${entity.name} is not decorated with @Entity`);
    const columns = storage.columns.filter(({ target }) => target === entity);
    const typed = columns.map(({ propertyName, options }) => ({
      column: propertyName,
      kind: kinds[String(options.type)] ?? 'plain',
    }));
    table = {
      name,
      columns: typed.map(({ column }) => column),
      kinds: typed.map(({ kind }) => kind),
      converted: typed.filter(({ kind }) => kind !== 'plain'),
      key: columns.filter(({ options }) => options.primary).map(({ propertyName }) => propertyName),
      personal: columns.filter(({ options }) => isPersonal(options)).map(({ propertyName }) => propertyName),
    };
    tables.set(entity, table);
  }
  return table;
}

/**
 * A moment as the databases store it, for parameters of SQL and of query builders; TypeORM converts those of
 * repositories itself. Text order is time order.
 */
export function storedMoment(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 23)}`;
}

/** A moment that SQL has found: text from SQLite, a date from MySQL. */
function instantOf(stored: Date | string): Instant {
  if (typeof stored !== 'string') return toInstant(stored.getTime());
  return `${stored.slice(0, 10)}T${stored.slice(11, 23)}Z` as Instant; // the columns hold milliseconds
}

/** Values of the key columns, in order. @throws {Error} when one is missing. */
export function keyValues<Row extends object>({ key: columns, name }: Table, key: Key<Row>): CellValue[] {
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
export function cellsOf({ columns, kinds }: Table, row: AnyRow): CellValue[] {
  return columns.map((column, index) => toCell(kinds[index], row[column]));
}

/** A value of a column as it is stored. */
export function cellOf({ columns, kinds }: Table, column: string, value: unknown): CellValue {
  return toCell(kinds[columns.indexOf(column)], value);
}

function toCell(kind: ColumnKind | undefined, value: unknown): CellValue {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case 'moment':
      return storedMoment(String(value));
    case 'flag':
      return value ? 1 : 0;
    case 'json':
      return JSON.stringify(value);
    default:
      // Columns of every other type hold text and numbers.
      return value as CellValue;
  }
}

/**
 * A stored row as projections have it, whether or not the driver has converted its values already. Columns that the
 * database lacks are null: it may not be migrated yet.
 * @param cells the driver's own object: it is changed and returned, because a copy costs more than the conversion.
 */
export function rowOf({ columns, converted }: Table, cells: Record<string, unknown>): AnyRow {
  for (const column of columns) cells[column] ??= null;
  for (const { column, kind } of converted) cells[column] = fromCell(kind, cells[column]);
  return cells;
}

/** A stored value as rows have it. Text that is not JSON stays text: another program may have written it. */
export function fromCell(kind: ColumnKind | undefined, cell: unknown): unknown {
  if (cell === null || cell === undefined) return null;
  switch (kind) {
    case 'moment':
      return instantOf(cell as Date | string); // what drivers make of DATETIME
    case 'flag':
      return Boolean(cell);
    case 'json':
      return typeof cell === 'string' ? parsed(cell) : cell;
    default:
      return cell;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same for equal rows, whichever database they come from: databases differ in the order of a JSON object's keys. */
export function comparableCells({ columns, kinds }: Table, row: AnyRow): Cells {
  const cells: Record<string, CellValue> = {};
  for (const [index, column] of columns.entries()) {
    const value = row[column] ?? null;
    cells[column] =
      kinds[index] === 'json' && value !== null
        ? JSON.stringify(sortedByKey(value))
        : // Moments are text, and flags become numbers.
          ((typeof value === 'boolean' ? Number(value) : value) as CellValue);
  }
  return cells;
}

function sortedByKey(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedByKey);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sortedByKey(one)]));
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
