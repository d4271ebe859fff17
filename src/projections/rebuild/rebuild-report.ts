import type { ComparedTable, WrongRow } from '../compare/comparison.js';

export interface RebuiltProjection {
  readonly projection: string;
  /** Where its tables were compared; null when they could not be. */
  readonly comparedAt: number | null;
  /** Why they were not compared. */
  readonly problem: string | null;
  /** Where the new tables were when they took their place; null when they did not. */
  readonly swappedAt: number | null;
}

/** What a rebuild has found and done. */
export interface RebuildReport {
  readonly projections: readonly RebuiltProjection[];
  readonly tables: readonly ComparedTable[];
  /** Rows of the live tables that were not what the log makes of them. */
  readonly differenceCount: number;
  /** The first of each table: both values, and the events that decided the right one. */
  readonly differences: readonly WrongRow[];
  /** Folded by this run; a resumed one needs fewer. */
  readonly events: number;
  readonly elapsedMs: number;
}
