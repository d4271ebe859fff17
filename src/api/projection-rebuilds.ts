import type { ProjectionRebuild } from '../queries/replies/projections.js';

/** The token {@link ProjectionRebuilds} is injected by. */
export const PROJECTION_REBUILDS = Symbol('ProjectionRebuilds');

interface RebuildRequest {
  /** Of projections; undefined for all. */
  readonly names?: readonly string[] | undefined;
  /** Report what differs and change nothing. */
  readonly compareOnly: boolean;
  /** Begin anew, whatever an interrupted rebuild has left. */
  readonly restart: boolean;
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
