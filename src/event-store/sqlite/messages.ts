import type { ExpectedHead } from '../append-decision.js';

/**
 * Appends on their way to the writer thread, as columns: a few long arrays cross threads far faster than
 * many small objects.
 */
export interface AppendBatch {
  readonly kind: 'append';
  /** The store's clock for these events, milliseconds since 1970. */
  readonly recordedAtMs: number;
  /** One entry per append. */
  readonly streams: string[];
  readonly expected: ExpectedHead[];
  readonly counts: number[];
  /** One entry per event, in the order of the appends. */
  readonly ids: string[];
  readonly types: string[];
  readonly data: string[];
  readonly metadata: string[];
}

export type ToWriter = AppendBatch | { readonly kind: 'close' };

export type FromWriter =
  /** The log is open; its newest event has this position, 0 when empty. */
  | { readonly kind: 'ready'; readonly head: number }
  /** The log cannot be opened. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The oldest `batches` batches are on disk; see {@link Outcomes}. */
  | { readonly kind: 'committed'; readonly batches: number; readonly outcomes: Outcomes }
  /** Nothing of the oldest `batches` batches was written. */
  | { readonly kind: 'failed'; readonly batches: number; readonly reason: string };

/** Three numbers per append: code, revision, position. */
export type Outcomes = Float64Array;
export const outcomeSize = 3;
/** Written: last revision and position. */
export const written = 0;
/** Was already there: last revision and position. */
export const replayed = 1;
/** Refused: the stream's actual revision, -1 for none; no position. */
export const conflict = 2;

/**
 * Most appends in one message: few enough that the writer starts while the main thread prepares more, enough
 * to be worth a message.
 */
export const maxAppendsPerBatch = 64;
/** JSON bytes from which a message is not filled further. */
export const fullBatchBytes = 2 * 1024 * 1024;
/** Most appends in one transaction. */
export const maxAppendsPerCommit = 512;
