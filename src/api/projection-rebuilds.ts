import type { ProjectionRebuild } from '../queries/replies/projections.js';

/** The token {@link ProjectionRebuilds} is injected by. */
export const PROJECTION_REBUILDS = Symbol('ProjectionRebuilds');

interface RebuildRequest {
  /** Of projections; undefined for all. */
  readonly names?: readonly string[] | undefined;
  /** Report what differs and change nothing. */
  readonly compareOnly: boolean;
  /** Start from the beginning and drop the tables of an interrupted rebuild. */
  readonly restart: boolean;
}

/** Whether it completed, failed or was cancelled. */
export function hasEnded({ status }: Pick<ProjectionRebuild, 'status'>): boolean {
  return status === 'completed' || status === 'cancelled' || status === 'failed';
}

/** Rebuilds read models, whichever process does it. One rebuild runs at a time. */
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
