export interface ProposedEvent {
  /** UUID in lower case. */
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface LogRecord extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  /** Where the record begins in the log; `endPosition` is where the next one does. */
  readonly position: number;
  readonly endPosition: number;
  readonly createdMs: number;
}

export interface StreamState {
  readonly records: LogRecord[];
  isTombstoned: boolean;
  /** `$tb`: revisions below are invisible. */
  truncateBefore: number;
  /** `$maxCount`: only so many of the last events are visible. */
  maxCount: number | undefined;
}

/** One write as it is kept: all of its events, or none. */
export interface Write {
  readonly stream: string;
  readonly events: readonly ProposedEvent[];
  readonly createdMs: number;
  readonly isTombstone: boolean;
}

export type WriteOutcome =
  | {
      readonly kind: 'written' | 'idempotent';
      readonly revision: number;
      readonly position: number | undefined;
    }
  | { readonly kind: 'wrong'; readonly current: number }
  | { readonly kind: 'deleted' };
