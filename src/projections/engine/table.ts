import type { Instant } from '../../events/ids.js';

/** What a column can hold; every engine stores the same text or number. */
export type CellValue = string | number | null;

/** Column types every engine has; `mediumtext` holds at least 1 MiB. */
export type ColumnKind = 'varchar' | 'text' | 'mediumtext' | 'int' | 'smallint' | 'bigint' | 'double';

/** A column holding values of type `Value`. */
export interface Column<Value extends CellValue = CellValue> {
  readonly kind: ColumnKind;
  /** Characters, for `varchar`. */
  readonly length?: number;
  readonly nullable: boolean;
  /** Only carries the type; never set. */
  readonly valueType?: Value;
}

type Columns = Readonly<Record<string, Column>>;
type ValueOf<C> = C extends Column<infer Value> ? Value : never;

export interface Table<C extends Columns = Columns, Key extends readonly string[] = readonly string[]> {
  readonly name: string;
  readonly columns: C;
  /** Columns of the primary key, in order. */
  readonly key: Key;
  readonly indexes: readonly (readonly string[])[];
}

/** A row of a table: every column, by its name. */
export type RowOf<T extends Table> = { readonly [Name in keyof T['columns']]: ValueOf<T['columns'][Name]> };

type KeyValues<Row, Key extends readonly string[]> = {
  readonly [I in keyof Key]: Key[I] extends keyof Row ? Row[Key[I]] : never;
};

/** The values of a table's key columns, in order. */
export type KeyOf<T extends Table> = KeyValues<RowOf<T>, T['key']> & readonly CellValue[];

/** A row whose table is not known to the type system. */
export type AnyRow = Readonly<Record<string, CellValue>>;

/** Declares a table by its natural key. */
export function defineTable<const C extends Columns, const Key extends readonly (keyof C & string)[]>(
  name: string,
  shape: { columns: C; key: Key; indexes?: readonly (readonly (keyof C & string)[])[] },
): Table<C, Key> {
  return { name, columns: shape.columns, key: shape.key, indexes: shape.indexes ?? [] };
}

/** Text of at most `length` characters; `Value` narrows it to an id or a set of words. */
export const varchar = <Value extends string = string>(length: number): Column<Value> => ({
  kind: 'varchar',
  length,
  nullable: false,
});

/** A UUID in its 36 characters. */
export const uuid = <Value extends string = string>(): Column<Value> => varchar<Value>(36);

/** A moment in its 24 characters: text order is time order. */
export const instant = (): Column<Instant> => varchar<Instant>(24);

export const text = (): Column<string> => ({ kind: 'text', nullable: false });

/** Text of up to 1 MiB. */
export const longText = (): Column<string> => ({ kind: 'mediumtext', nullable: false });

/** A JSON document as text. */
export const json = (): Column<string> => ({ kind: 'mediumtext', nullable: false });

export const int = (): Column<number> => ({ kind: 'int', nullable: false });

/** 0 or 1. */
export const flag = (): Column<0 | 1> => ({ kind: 'smallint', nullable: false });

/** A whole number up to 2^53: points and log positions. */
export const bigint = (): Column<number> => ({ kind: 'bigint', nullable: false });

export const double = (): Column<number> => ({ kind: 'double', nullable: false });

/** The same column, or null. */
export const nullable = <Value extends CellValue>(column: Column<Value>): Column<Value | null> => ({
  kind: column.kind,
  ...(column.length === undefined ? {} : { length: column.length }),
  nullable: true,
});

/** A row's key as one string: equal for equal keys of the same table. No key contains control characters. */
export function keyText(key: readonly CellValue[]): string {
  return key.length === 1 ? String(key[0]) : key.join('\u0000');
}

/** The key of a row. */
export function keyOfRow(table: Table, row: AnyRow): CellValue[] {
  return table.key.map((column) => row[column] ?? null);
}
