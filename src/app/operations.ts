import { randomUUID } from 'node:crypto';
import type {
  ProjectionOperations,
  ProjectionRebuilds,
  Readiness,
  ReadinessCheck,
} from '../api/operations.js';

import type { EventStore, Position } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { TimedOut, within } from '../platform/within.js';
import { allProjections } from '../projections/all-projections.js';
import { beforeFirst, type Checkpoint, controlProjections } from '../projections/engine/checkpoints.js';
import type { WriteSession } from '../projections/engine/dialect.js';
import type { Projection } from '../projections/engine/projection.js';
import type { ReadModels } from '../projections/open-read-models.js';
import {
  addRebuild,
  cancelRebuild,
  findRebuild,
  type RebuildRow,
} from '../projections/rebuild/rebuild-record.js';
import { selectFirst } from '../queries/database.js';
import { projectionStates } from '../queries/projection-progress.js';
import type { ProjectionRebuild, ProjectionReport } from '../queries/replies/projections.js';
import type { Breakdown } from './engines.js';
import type { LogFit } from './log-fit.js';
import type { Projector } from './projector.js';

/** Longest wait for an answer: an orchestrator's probe waits about as long for ours. */
const answerTimeoutMs = 1_000;

/** Longest time for comparing read models with the log; docker-compose.yml gives a probe 5 s. */
const compareTimeoutMs = 3_000;

/** How this process follows the log. */
export interface Following {
  /** Why it does not; undefined while it does. */
  trouble(): Promise<string | undefined>;
}

interface ReadinessParts {
  readonly store: EventStore;
  readonly fit: LogFit;
  readonly breakdown: Pick<Breakdown, 'reason'>;
  readonly readModels: Pick<ReadModels, 'read'>;
  readonly operations: ProjectionOperations;
  readonly following: Following;
  /** See Engines. */
  readonly maxLag: number;
}

/** Ready: log and database answer, and the read models belong to the log and follow it. */
export function readinessOf(parts: ReadinessParts): Readiness {
  const { store, fit, breakdown, readModels } = parts;
  return {
    refusal: () => fit.refusal,
    async check() {
      // Reading may still work, but nothing can be written any more.
      if (breakdown.reason !== undefined)
        return { ready: false, checks: [{ name: 'process', ok: false, detail: breakdown.reason }] };
      const { refusal } = fit;
      if (refusal !== undefined)
        return { ready: false, checks: [{ name: 'log', ok: false, detail: refusal }] };
      const checks = await Promise.all([
        answers('event-store', store.head()),
        // The projections do not notice a lost database while no events come.
        answers('database', selectFirst(readModels.read, 'SELECT 1')),
      ]);
      if (checks.some(({ ok }) => !ok)) return { ready: false, checks };
      const following = await readModelsCheck(parts);
      return { ready: following.ok, checks: [...checks, following] };
    },
  };
}

async function readModelsCheck(parts: ReadinessParts): Promise<ReadinessCheck> {
  const name = 'read-models';
  try {
    return { name, ...(await within(compareTimeoutMs, 'comparing with the log', compareReadModels(parts))) };
  } catch (error) {
    if (error instanceof TimedOut)
      return { name, ok: false, detail: `cannot be compared with the log within ${compareTimeoutMs} ms` };
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function compareReadModels(parts: ReadinessParts): Promise<Omit<ReadinessCheck, 'name'>> {
  const { store, fit, readModels, operations, following, maxLag } = parts;
  const misfit = await fit.check(store, readModels);
  if (misfit !== undefined) return { ok: false, detail: misfit };
  const { projections } = await operations.report();
  const halted = projections.filter(({ state }) => state !== 'running' && state !== 'swapping');
  const lag = Math.max(...projections.map(({ lagPositions }) => lagPositions));
  const standstill = halted.map((one) => `${one.name} ${one.state}`).join(', ');
  const trouble = (await following.trouble()) ?? (standstill || undefined);
  const ok = trouble === undefined && lag <= maxLag;
  return { ok, detail: trouble ?? `${lag} positions behind the log` };
}

async function answers(name: string, question: Promise<unknown>): Promise<ReadinessCheck> {
  const ok = await within(answerTimeoutMs, name, question).then(
    () => true,
    () => false,
  );
  return { name, ok, detail: ok ? 'answers' : 'does not answer' };
}

interface OperationsParts {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly clock: Clock;
  /** Undefined: another process projects. */
  readonly projector: Pick<Projector, 'state'> | undefined;
}

const projectionNames = allProjections.map(({ name }) => name);

/** Watching and controlling projections through the database, so that any process may be asked. */
export function projectionOperations({
  store,
  readModels,
  clock,
  projector,
}: OperationsParts): ProjectionOperations {
  return {
    async report() {
      const headPosition = (await store.head()) ?? beforeFirst;
      const checkpoints = await projectionStates(readModels.read, projectionNames);
      const lags = new LagClock(store, clock);
      const projections: ProjectionReport[] = [];
      for (const projection of allProjections) {
        const checkpoint = checkpoints.get(projection.name) ?? unmade(projection);
        const lagSeconds = await lags.secondsAfter(checkpoint.position, headPosition);
        projections.push(reportOf(projection, checkpoint, { headPosition, lagSeconds }));
      }
      return { headPosition, projections };
    },
    async control(control, name) {
      if (name !== undefined && !projectionNames.includes(name)) return false;
      const chosen = name === undefined ? projectionNames : [name];
      await readModels.dialect.withSession(readModels.write, (session) =>
        controlProjections(session, control, chosen, clock.now()),
      );
      return true;
    },
    async eventsApplied() {
      const projections = projector?.state.projections ?? [];
      return new Map(projections.map((one) => [one.name, one.eventsApplied]));
    },
  };
}

/** A projection no runner has seen yet. */
function unmade({ version }: Projection): Checkpoint {
  return {
    version,
    position: beforeFirst,
    epoch: 0,
    pausedAt: null,
    parked: null,
    fencedBy: null,
    madeFrom: null,
  };
}

function reportOf(
  { name, version }: Projection,
  checkpoint: Checkpoint,
  { headPosition, lagSeconds }: { readonly headPosition: number; readonly lagSeconds: number },
): ProjectionReport {
  const { position, pausedAt, parked } = checkpoint;
  const lagPositions = Math.max(0, headPosition - position);
  const state = stateOf(version, checkpoint);
  return {
    name,
    state,
    version,
    tablesVersion: checkpoint.version,
    position,
    lagPositions,
    lagSeconds,
    pausedAt,
    parked,
  };
}

/** The first of these that is so: the most urgent for an operator. */
function stateOf(version: number, checkpoint: Checkpoint): ProjectionReport['state'] {
  if (checkpoint.version !== version) return 'outdated';
  if (checkpoint.parked) return 'parked';
  if (checkpoint.pausedAt !== null) return 'paused';
  return checkpoint.fencedBy === null ? 'running' : 'swapping';
}

/** The age of the oldest event after a position; reads the log once for each position. */
class LagClock {
  private readonly known = new Map<number, number>();

  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  async secondsAfter(position: number, headPosition: number): Promise<number> {
    if (position >= headPosition) return 0;
    const known = this.known.get(position);
    if (known !== undefined) return known;
    // Checkpoints hold positions the store gave us. Reading includes the position itself.
    const from = position === beforeFirst ? 'start' : (position as Position);
    const events = await this.store.readAll({ from, limit: 2 });
    const oldest = events.find((event) => event.position > position);
    const seconds = oldest ? Math.max(0, (this.clock.nowMs() - oldest.recordedAtMs) / 1_000) : 0;
    this.known.set(position, seconds);
    return seconds;
  }
}

/** Rebuilds requested through the database: any process may be asked, one that projects carries them out. */
export function projectionRebuilds({
  readModels,
  clock,
}: {
  readonly readModels: ReadModels;
  readonly clock: Clock;
}): ProjectionRebuilds {
  const inSession = <Result>(work: (session: WriteSession) => Promise<Result>): Promise<Result> =>
    readModels.dialect.withSession(readModels.write, work);
  return {
    names: projectionNames,
    request: ({ names: chosen = projectionNames, compareOnly, restart }) =>
      inSession(async (session) => {
        const rebuildId = randomUUID();
        const request = { names: chosen, compareOnly, restart };
        const isOurs = await addRebuild(session, { rebuildId, status: 'requested', request }, clock.now());
        const row = await findRebuild(session);
        if (!row) throw new Error('the rebuild that was written down is not there');
        return isOurs ? { started: replyOf(row) } : { running: replyOf(row) };
      }),
    async find(id) {
      const row = await inSession(findRebuild);
      return row && (id === 'current' || id === row.rebuildId) ? replyOf(row) : undefined;
    },
    cancel: (rebuildId) => inSession((session) => cancelRebuild(session, rebuildId, clock.now())),
  };
}

function replyOf(row: RebuildRow): ProjectionRebuild {
  const { rebuildId, status, request, progress, report, error, requestedAt, updatedAt } = row;
  const { names: projections, compareOnly, restart } = request;
  return {
    rebuildId,
    status,
    projections,
    compareOnly,
    restart,
    progress,
    report,
    error,
    requestedAt,
    updatedAt,
  };
}
