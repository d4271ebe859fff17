import { type AnyRow, type CellValue, keyOfRow, type Table } from '../engine/table.js';

/** How a row that should be there differs from the one that is. */
export type RowDifference =
  /** The row ought to exist and does not. */
  | { readonly kind: 'missing'; readonly key: readonly CellValue[]; readonly expected: AnyRow }
  /** The row exists and ought not to. */
  | { readonly kind: 'unexpected'; readonly key: readonly CellValue[]; readonly found: AnyRow }
  /** Both exist; these columns disagree. */
  | {
      readonly kind: 'different';
      readonly key: readonly CellValue[];
      readonly columns: readonly string[];
      readonly expected: AnyRow;
      readonly found: AnyRow;
    };

/** Rows of one table in ascending order of their keys; see {@link sortedRows}. */
export type RowSource = AsyncIterable<AnyRow>;

/**
 * Walks two sorted sources side by side, one row of each in hand.
 * @param onRow called once for each key met on either side.
 * @throws {Error} when a source is not sorted.
 */
export async function* compareRows(
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
      const columns = Object.keys(table.columns).filter((name) => want.row[name] !== have.row[name]);
      if (columns.length > 0)
        yield { kind: 'different', key: want.key, columns, expected: want.row, found: have.row };
    }
    if (order <= 0) await left.next();
    if (order >= 0) await right.next();
  }
}

/** Numbers by value, text by code point: how every engine sorts our keys. */
export function compareKeys(a: readonly CellValue[], b: readonly CellValue[]): number {
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
  current: { readonly key: readonly CellValue[]; readonly row: AnyRow } | undefined;
  private readonly rows: AsyncIterator<AnyRow>;

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
    const row: AnyRow = value;
    const key = keyOfRow(this.table, row);
    if (this.current && compareKeys(this.current.key, key) >= 0) {
      throw new Error(`rows of ${this.table.name} are not sorted: ${key.join(', ')}`);
    }
    this.current = { key, row };
  }
}
