import type { Instant } from '../events/ids.js';

/** The token {@link ProjectionRebuilds} is injected by. */
export const PROJECTION_REBUILDS = Symbol('ProjectionRebuilds');

export const rebuildStatuses = [
  'requested',
  'running',
  'cancelling',
  'completed',
  'cancelled',
  'failed',
] as const;
export const rebuildPhases = [
  'folding',
  'comparing',
  'explaining',
  'swapping',
  'waiting',
  'cleaning',
] as const;

interface RebuildRequest {
  /** Of projections; undefined for all. */
  readonly names?: readonly string[] | undefined;
  /** Report what differs and change nothing. */
  readonly compareOnly: boolean;
  /** Begin anew, whatever an interrupted rebuild has left. */
  readonly restart: boolean;
}

interface RebuildProgress {
  readonly phase: (typeof rebuildPhases)[number];
  /** Where the new tables are in the log, and where they must come to; -1 before the first event. */
  readonly position: number;
  readonly target: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly secondsLeft: number | null;
  readonly differenceCount: number | null;
}

type Cell = string | number | null;

interface EventPlace {
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

/** What a rebuild has found and done; the fields are described in the document. */
interface RebuildReport {
  readonly projections: readonly {
    readonly projection: string;
    readonly comparedAt: number | null;
    readonly problem: string | null;
    readonly swappedAt: number | null;
  }[];
  readonly tables: readonly {
    readonly table: string;
    readonly projection: string;
    readonly rows: number;
    readonly differences: number;
  }[];
  readonly differenceCount: number;
  readonly differences: readonly {
    readonly table: string;
    readonly key: Readonly<Record<string, Cell>>;
    readonly kind: 'missing' | 'unexpected' | 'different';
    readonly event: EventPlace | null;
    readonly cells: readonly {
      readonly column: string;
      readonly expected: Cell;
      readonly found: Cell;
      readonly event: EventPlace | null;
    }[];
  }[];
  readonly events: number;
  readonly elapsedMs: number;
}

export interface ProjectionRebuild {
  readonly rebuildId: string;
  readonly status: (typeof rebuildStatuses)[number];
  readonly projections: readonly string[];
  readonly compareOnly: boolean;
  readonly restart: boolean;
  readonly progress: RebuildProgress | null;
  readonly report: RebuildReport | null;
  readonly error: string | null;
  readonly requestedAt: Instant;
  /** Of the last sign of life. */
  readonly updatedAt: Instant;
}

/** Whether it has ended, however it did. */
export function hasEnded({ status }: Pick<ProjectionRebuild, 'status'>): boolean {
  return status === 'completed' || status === 'cancelled' || status === 'failed';
}

/** How operators have read models built anew, whichever process does it. One rebuild runs at a time. */
export interface ProjectionRebuilds {
  /** Names of all projections there are. */
  readonly names: readonly string[];
  /** @returns the new rebuild, or as `running` the one that is in its way. */
  request(
    request: RebuildRequest,
  ): Promise<{ readonly started: ProjectionRebuild } | { readonly running: ProjectionRebuild }>;
  /** @param id of the last rebuild, or `current`; others are not remembered. */
  find(id: string): Promise<ProjectionRebuild | undefined>;
  /** Tells a rebuild to stop; nothing when it has ended. */
  cancel(rebuildId: string): Promise<void>;
}
