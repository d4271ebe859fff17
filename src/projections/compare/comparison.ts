import type { AnyRow, CellValue } from '../engine/table.js';
import type { RowDifference } from './compare-rows.js';
import type { EventPlace } from './deciding-events.js';

/** A column that is not what the log makes of it. */
export interface WrongCell {
  readonly column: string;
  readonly expected: CellValue;
  readonly found: CellValue;
  /** The event that decided the expected value; null when no event of the log did. */
  readonly event: EventPlace | null;
}

/** A row that is not what the log makes of it. */
export interface WrongRow {
  readonly table: string;
  /** Key columns and their values. */
  readonly key: AnyRow;
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
export const maxListedPerTable = 50;
