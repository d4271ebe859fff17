import {
  type Cells,
  type CellValue,
  comparableCells,
  keyOfRow,
  keyText,
  rowOf,
  type Table,
} from '../engine/entity.js';
import type { WatchRow } from '../engine/fold-batch.js';
import { type Projection, tablesOf } from '../engine/projection.js';

/** A column that is not what the log makes of it. */
interface WrongCell {
  readonly column: string;
  /** {@link withheld} in place of what identifies a person: reports are kept, also when that person is erased. */
  readonly expected: CellValue;
  readonly found: CellValue;
  /** The event that decided the expected value; null when no event of the log did. */
  readonly event: EventPlace | null;
}

/** In a report instead of data that identifies a person. */
const withheld = 'withheld';

/** A row that is not what the log makes of it. */
export interface WrongRow {
  readonly table: string;
  /** Key columns and their values. */
  readonly key: Cells;
  readonly kind: RowDifference['kind'];
  /** The event that last wrote or deleted the row; null when no event of the log did. */
  readonly event: EventPlace | null;
  /** For a row that is there on both sides: the columns that disagree. */
  readonly cells: readonly WrongCell[];
}

export interface ComparedTable {
  readonly table: string;
  readonly projection: string;
  /** Rows compared. */
  readonly rows: number;
  readonly differences: number;
}

export interface ComparedProjection {
  readonly projection: string;
  /** Where its tables stand in the log; -1 before the first event. */
  readonly position: number;
  /** What is wrong with that place, or why its tables were not compared; null when nothing is. */
  readonly problem: string | null;
}

export interface ReadModelComparison {
  readonly clean: boolean;
  readonly projections: readonly ComparedProjection[];
  readonly tables: readonly ComparedTable[];
  readonly differenceCount: number;
  /** The first differences of each table, at most {@link maxListedPerTable}; the others are counted. */
  readonly differences: readonly WrongRow[];
}

/** Differences of one table described in full. */
const maxListedPerTable = 50;

/** A row of a table that is not as expected. */
export interface TableDifference {
  readonly table: Table;
  readonly row: RowDifference;
}

/** A side of a comparison: how to ask, and what a table is called there. */
interface TableSide {
  readonly query: Query;
  /** Default: the table's own name. */
  readonly nameOf?: (table: Table) => string;
}

/** Compares all tables of some projections, row by row. */
export async function compareTables(
  projections: readonly Projection[],
  expected: TableSide,
  found: TableSide,
  signal?: AbortSignal,
): Promise<{ readonly tables: ComparedTable[]; readonly differences: TableDifference[] }> {
  const tables: ComparedTable[] = [];
  const differences: TableDifference[] = [];
  for (const projection of projections) {
    for (const table of tablesOf(projection)) {
      let rows = 0;
      let count = 0;
      const onRow = (): void => {
        signal?.throwIfAborted();
        rows++;
      };
      for await (const row of compareRows(table, rowsOf(expected, table), rowsOf(found, table), onRow)) {
        if (count < maxListedPerTable) differences.push({ table, row });
        count++;
      }
      tables.push({ table: table.name, projection: projection.name, rows, differences: count });
    }
  }
  return { tables, differences };
}

/** A difference in words of the table, with the events that decided what was expected. */
export function describeDifference({ table, row }: TableDifference, events: DecidingEvents): WrongRow {
  const key: Cells = Object.fromEntries(table.key.map((column, index) => [column, row.key[index] ?? null]));
  const shown = (column: string, value: CellValue = null): CellValue =>
    value !== null && table.personal.includes(column) ? withheld : value;
  const cells =
    row.kind !== 'different'
      ? []
      : row.columns.map(
          (column): WrongCell => ({
            column,
            expected: shown(column, row.expected[column]),
            found: shown(column, row.found[column]),
            event: events.of(table, row.key, column),
          }),
        );
  return { table: table.name, key, kind: row.kind, event: events.of(table, row.key), cells };
}

function rowsOf({ query, nameOf }: TableSide, table: Table): AsyncGenerator<Cells> {
  return sortedRows(query, table, nameOf?.(table));
}

/** How a row that should be there differs from the one that is. */
type RowDifference =
  /** The row ought to exist and does not. */
  | { readonly kind: 'missing'; readonly key: readonly CellValue[]; readonly expected: Cells }
  /** The row exists and ought not to. */
  | { readonly kind: 'unexpected'; readonly key: readonly CellValue[]; readonly found: Cells }
  /** Both exist; these columns disagree. */
  | {
      readonly kind: 'different';
      readonly key: readonly CellValue[];
      readonly columns: readonly string[];
      readonly expected: Cells;
      readonly found: Cells;
    };

/** Rows of one table in ascending order of their keys; see {@link sortedRows}. */
type RowSource = AsyncIterable<Cells>;

/**
 * Walks two sorted sources side by side, one row of each in hand.
 * @param onRow called once for each key met on either side.
 * @throws {Error} when a source is not sorted.
 */
async function* compareRows(
  table: Table,
  expected: RowSource,
  found: RowSource,
  onRow: () => void = () => {},
): AsyncGenerator<RowDifference> {
  const left = new Cursor(table, expected);
  const right = new Cursor(table, found);
  await Promise.all([left.next(), right.next()]);
  for (;;) {
    const { current: want } = left;
    const { current: have } = right;
    if (!want && !have) return;
    onRow();
    const order = !want ? 1 : !have ? -1 : compareKeys(want.key, have.key);
    if (want && order < 0) {
      yield { kind: 'missing', key: want.key, expected: want.row };
    } else if (have && order > 0) {
      yield { kind: 'unexpected', key: have.key, found: have.row };
    } else if (want && have) {
      const columns = table.columns.filter((name) => want.row[name] !== have.row[name]);
      if (columns.length > 0)
        yield { kind: 'different', key: want.key, columns, expected: want.row, found: have.row };
    }
    if (order <= 0) await left.next();
    if (order >= 0) await right.next();
  }
}

/** Numbers by value, text by code point: how every engine sorts our keys. */
function compareKeys(a: readonly CellValue[], b: readonly CellValue[]): number {
  for (const [index, value] of a.entries()) {
    const order = compareCells(value, b[index] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareCells(a: CellValue, b: CellValue): number {
  if (a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  // UTF-8 bytes sort as code points do; JavaScript's own order of strings does not, beyond U+FFFF.
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

class Cursor {
  current: { readonly key: readonly CellValue[]; readonly row: Cells } | undefined;
  private readonly rows: AsyncIterator<Cells>;

  constructor(
    private readonly table: Table,
    source: RowSource,
  ) {
    this.rows = source[Symbol.asyncIterator]();
  }

  async next(): Promise<void> {
    const { value, done } = await this.rows.next();
    if (done) {
      this.current = undefined;
      return;
    }
    const row: Cells = value;
    const key = keyOfRow(this.table, row);
    if (this.current && compareKeys(this.current.key, key) >= 0) {
      throw new Error(`rows of ${this.table.name} are not sorted: ${key.join(', ')}`);
    }
    this.current = { key, row };
  }
}

/** Runs one query on a connection whose answers all show the same moment. */
export type Query = (sql: string, parameters: readonly CellValue[]) => Promise<Cells[]>;

/** Rows held in memory of each side. */
const pageRows = 500;

/**
 * All rows of a table in the order of its key, read page by page.
 * @param tableName where the table physically is.
 */
async function* sortedRows(
  query: Query,
  table: Table,
  tableName: string = table.name,
): AsyncGenerator<Cells> {
  const order = table.key.join(', ');
  let after: readonly CellValue[] | undefined;
  for (;;) {
    const where = after ? `WHERE ${afterKey(table)} ` : '';
    const parameters = after ? parametersOf(after) : [];
    const rows = await query(
      `SELECT * FROM ${tableName} ${where}ORDER BY ${order} LIMIT ${pageRows}`,
      parameters,
    );
    for (const cells of rows) yield comparableCells(table, rowOf(table, cells));
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

/** An event, and where it is in the log. */
interface EventPlace {
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

interface History {
  row: Cells | null;
  /** The event that last wrote or deleted the row. */
  last: EventPlace | null;
  /** The event that last changed a column's value. */
  readonly byColumn: Map<string, EventPlace>;
}

/** Remembers of some rows which event of a fold decided what is in them. */
export class DecidingEvents {
  private readonly histories = new Map<string, History>();

  /** Follows a row from now on. */
  follow(table: Table, key: readonly CellValue[]): void {
    this.histories.set(nameOf(table, key), { row: null, last: null, byColumn: new Map() });
  }

  readonly watch: WatchRow = ({ type, stream, revision, position }, table, key, changed) => {
    const history = this.histories.get(nameOf(table, key));
    if (!history) return;
    const row = changed && comparableCells(table, changed);
    const place = { type, stream, revision, position };
    for (const column of Object.keys(row ?? {})) {
      if (history.row?.[column] !== row?.[column]) history.byColumn.set(column, place);
    }
    history.row = row;
    history.last = place;
  };

  /** The event that decided a column of a row, or the row as a whole; null when no event did. */
  of(table: Table, key: readonly CellValue[], column?: string): EventPlace | null {
    const history = this.histories.get(nameOf(table, key));
    const ofColumn = column === undefined ? undefined : history?.byColumn.get(column);
    return ofColumn ?? history?.last ?? null;
  }
}

function nameOf(table: Table, key: readonly CellValue[]): string {
  return `${table.name}\u0000${keyText(key)}`;
}
