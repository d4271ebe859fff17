import type { AnyRow, CellValue } from '../engine/table.js';
import type { WalLimits } from './write-ahead-log.js';

/** What the writer thread begins with. */
export interface WriterOrder {
  readonly file: string;
  readonly walLimits: WalLimits | undefined;
}

/** What the writer thread is asked to do, in order. */
export type Ask =
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  /** Rows of a query. */
  | { readonly kind: 'all'; readonly sql: string; readonly parameters: readonly CellValue[] }
  /** Runs a statement: how many rows it changed. */
  | { readonly kind: 'run'; readonly sql: string; readonly parameters: readonly CellValue[] }
  /** Runs one for each of many parameter lists, given as JSON: one text crosses threads far faster than many objects. */
  | { readonly kind: 'run-each'; readonly sql: string; readonly parameterLists: string }
  /** The first row for each of many parameter lists, where there is one. */
  | {
      readonly kind: 'get-each';
      readonly sql: string;
      readonly parameterLists: readonly (readonly CellValue[])[];
    };

export interface ToWriter {
  readonly kind: 'ask' | 'close';
  /** Missing in `close`. */
  readonly ask?: Ask;
}

/** What an {@link Ask} results in: rows, or the number of rows changed. */
export type Answer = readonly AnyRow[] | number;

/** Answers come in the order of the asks. */
export type FromWriter =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failure'; readonly message: string; readonly code: string };
