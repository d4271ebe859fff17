import type { ProjectionsReport } from '../queries/replies/projections.js';

/** The token {@link ProjectionOperations} is injected by. */
export const PROJECTION_OPERATIONS = Symbol('ProjectionOperations');

/** What operators may do to projections that run. */
const projectionControls = ['pause', 'resume', 'retry'] as const;
export type ProjectionControl = (typeof projectionControls)[number];

/** Watches and controls the projections, whichever process runs them. */
export interface ProjectionOperations {
  report(): Promise<ProjectionsReport>;
  /** @param name of one projection; undefined for all. @returns false when there is none of that name. */
  control(control: ProjectionControl, name: string | undefined): Promise<boolean>;
  /** Events this process has applied to each projection; empty where it runs none. */
  eventsApplied(): Promise<ReadonlyMap<string, number>>;
}
