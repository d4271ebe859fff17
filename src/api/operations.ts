import type { FastifyInstance } from 'fastify';
import type { ProjectionRebuild, ProjectionsReport } from '../queries/replies/projections.js';
import { ApiProblem, retryAfter } from './problems/problem.js';
import { pathOf } from './request.js';

// What operators see and do. The API states what it needs; src/app/operations.ts answers it with the projections, which the
// API must not import.

/** The token {@link Readiness} is injected by. */
export const READINESS = Symbol('Readiness');

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, for the operator. */
  readonly detail: string;
}

/** Whether this process should be sent requests: log and database answer, the read models follow the log. */
export interface Readiness {
  check(): Promise<{ readonly ready: boolean; readonly checks: readonly ReadinessCheck[] }>;
  /** Why this process will never be ready again and must be replaced; undefined otherwise. */
  refusal(): string | undefined;
}

/** Refuses every request except `/health` while `refusal` returns a reason. */
export function refuseRequests(fastify: FastifyInstance, refusal: Readiness['refusal']): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const isRefused = refusal() !== undefined && !pathOf(request).startsWith('/health/');
    done(isRefused ? logMismatch() : undefined);
  });
}

function logMismatch(): ApiProblem {
  const detail =
    'The office is closed until its operators have restored the log that belongs to the tables, or rebuilt the tables.';
  return ApiProblem.ofEnglish('log-mismatch', detail, { headers: retryAfter(30) });
}

/** The token {@link ProjectionOperations} is injected by. */
export const PROJECTION_OPERATIONS = Symbol('ProjectionOperations');

/** What operators may do to projections that run. */
export type ProjectionControl = 'pause' | 'resume' | 'retry';

/** Watches and controls the projections, whichever process runs them. */
export interface ProjectionOperations {
  report(): Promise<ProjectionsReport>;
  /** @param name of one projection; undefined for all. @returns false when there is none of that name. */
  control(control: ProjectionControl, name: string | undefined): Promise<boolean>;
  /** Events this process has applied to each projection; empty where it runs none. */
  eventsApplied(): Promise<ReadonlyMap<string, number>>;
}

/** The token {@link BackgroundWork} is injected by. */
export const BACKGROUND_WORK = Symbol('BackgroundWork');

/** What fails in a part of this process that acts without a request; counts since its start. */
export interface FailureReport {
  readonly process: string;
  /** Items that failed when they were last tried, and their failures. */
  readonly items?: { readonly failing: number; readonly failures: number };
  /** How often events were followed anew after an error, and events left out because they cannot be handled. */
  readonly subscription?: { readonly restarts: number; readonly leftOut: number };
}

/** The processes that act without a request; none in a process with another role. */
export interface BackgroundWork {
  failures(): readonly FailureReport[];
}

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
