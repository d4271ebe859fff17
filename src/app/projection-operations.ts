import type { ProjectionOperations } from '../api/projection-operations.js';
import type { EventStore, Position } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { allProjections } from '../projections/all-projections.js';
import { beforeFirst, type Checkpoint, controlProjections } from '../projections/engine/checkpoints.js';
import type { Projection } from '../projections/engine/projection.js';
import type { ProjectionRunner } from '../projections/engine/runner.js';
import type { ReadModels } from '../projections/open-read-models.js';
import { projectionStates } from '../queries/projection-progress.js';
import type { ProjectionReport } from '../queries/replies/projections.js';

interface Parts {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly clock: Clock;
  /** Undefined: another process projects. */
  readonly runner: ProjectionRunner | undefined;
}

const names = allProjections.map(({ name }) => name);

/** Watching and controlling projections through the database, so that any process may be asked. */
export function projectionOperations({ store, readModels, clock, runner }: Parts): ProjectionOperations {
  return {
    async report() {
      const headPosition = (await store.head()) ?? beforeFirst;
      const checkpoints = await projectionStates(readModels.read, names);
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
      if (name !== undefined && !names.includes(name)) return false;
      const chosen = name === undefined ? names : [name];
      await readModels.dialect.withSession(readModels.write, (session) =>
        controlProjections(session, control, chosen, clock.now()),
      );
      return true;
    },
    async eventsApplied() {
      const projections = runner ? (await runner.status()).projections : [];
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

/** What most needs an operator comes first. */
function stateOf(version: number, checkpoint: Checkpoint): ProjectionReport['state'] {
  if (checkpoint.version !== version) return 'outdated';
  if (checkpoint.parked) return 'parked';
  if (checkpoint.pausedAt !== null) return 'paused';
  return checkpoint.fencedBy === null ? 'running' : 'swapping';
}

/** How old what a projection has not seen is; asks the log once for each position. */
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
