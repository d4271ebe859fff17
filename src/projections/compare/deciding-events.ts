import type { WatchRow } from '../engine/fold-batch.js';
import { type AnyRow, type CellValue, keyText, type Table } from '../engine/table.js';

/** An event, and where it is in the log. */
export interface EventPlace {
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

interface History {
  row: AnyRow | null;
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

  readonly watch: WatchRow = ({ type, stream, revision, position }, table, key, row) => {
    const history = this.histories.get(nameOf(table, key));
    if (!history) return;
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
