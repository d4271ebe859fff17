import type { Instant } from '../../events/ids.js';

/** Why a projection stopped. */
export interface Parked {
  readonly error: string;
  /** The event it could not apply; null when it was several, or when its tables were built by another version. */
  readonly event: {
    readonly type: string;
    readonly stream: string;
    readonly revision: number;
    readonly position: number;
  } | null;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  readonly parked: Parked | null;
  readonly isPaused: boolean;
  /** Events this runner has applied to it. */
  readonly eventsApplied: number;
}

export interface RunnerStatus {
  readonly running: boolean;
  /** The log's newest position; -1 in an empty log. */
  readonly headPosition: number;
  /** Where every projection has arrived; -1 before the first event. */
  readonly position: number;
  /** False while behind, parked, paused or failing: this process should not be asked. */
  readonly ready: boolean;
  /** The last failure not yet followed by a success. */
  readonly lastError: string | null;
  /** When the last batch was committed. */
  readonly appliedAt: Instant | null;
  readonly projections: readonly ProjectionStatus[];
}
