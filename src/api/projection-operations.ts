import type { Instant } from '../events/ids.js';

/** The token {@link ProjectionOperations} is injected by. */
export const PROJECTION_OPERATIONS = Symbol('ProjectionOperations');

/** What operators may do to projections that run. */
const projectionControls = ['pause', 'resume', 'retry'] as const;
export type ProjectionControl = (typeof projectionControls)[number];

/** `outdated`: another version built its tables, only a rebuild helps. `swapping`: a rebuild takes its place. */
export const projectionStateNames = ['running', 'paused', 'parked', 'outdated', 'swapping'] as const;

export interface ProjectionReport {
  readonly name: string;
  readonly state: (typeof projectionStateNames)[number];
  /** Of this build. */
  readonly version: number;
  /** That built the tables. */
  readonly tablesVersion: number;
  /** -1 before the first event. */
  readonly position: number;
  /** Events in the embedded log, bytes in EventStoreDB. */
  readonly lagPositions: number;
  /** Age of the oldest event it has not seen; 0 when it has seen all. */
  readonly lagSeconds: number;
  readonly pausedAt: Instant | null;
  readonly parked: {
    readonly error: string;
    /** Null when the rows of several events were refused together. */
    readonly event: {
      readonly type: string;
      readonly stream: string;
      readonly revision: number;
      readonly position: number;
    } | null;
  } | null;
}

export interface ProjectionsReport {
  /** The log's newest position; -1 in an empty log. */
  readonly headPosition: number;
  readonly projections: readonly ProjectionReport[];
}

/** How operators watch and control the projections, whichever process runs them. */
export interface ProjectionOperations {
  report(): Promise<ProjectionsReport>;
  /** @param name of one projection; undefined for all. @returns false when there is none of that name. */
  control(control: ProjectionControl, name: string | undefined): Promise<boolean>;
  /** Events this process has applied to each projection; empty where it runs none. */
  eventsApplied(): Promise<ReadonlyMap<string, number>>;
}
