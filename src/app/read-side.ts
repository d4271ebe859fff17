import type { Provider } from '@nestjs/common';
import {
  PROJECTION_OPERATIONS,
  PROJECTION_REBUILDS,
  type ProjectionOperations,
  READINESS,
} from '../api/operations.js';

import { READ_POSITION, type ReadPosition } from '../api/read-position.js';

import type { EventStore, Position } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { allProjections } from '../projections/all-projections.js';
import type { ReadModels } from '../projections/open-read-models.js';
import { CheckpointProgress } from '../queries/projection-progress.js';
import { openQueries, QUERIES, type Queries } from '../queries/queries.js';
import type { Breakdown } from './engines.js';
import type { LogFit } from './log-fit.js';
import { type Following, projectionOperations, projectionRebuilds, readinessOf } from './operations.js';
import type { Projector, ReadProgress } from './projector.js';

/** The read models and everything that reads them. */
export interface ReadSide {
  readonly progress: ReadProgress;
  readonly queries: Queries;
  /** What the API reads through. */
  readonly providers: readonly Provider[];
  close(): Promise<void>;
}

interface Parts {
  readonly store: EventStore;
  readonly fit: LogFit;
  readonly breakdown: Pick<Breakdown, 'reason'>;
  /** See Engines. */
  readonly maxLag: number;
  readonly readModels: ReadModels;
  readonly clock: Clock;
}

/** Reads what this process projects. */
export function projectingReadSide(parts: Parts, projector: Projector): ReadSide {
  return readSide(parts, projector, projectionOperations({ ...parts, projector }), {
    trouble: async () => {
      const { running, lastError } = projector.state;
      return lastError ?? (running ? undefined : 'not running');
    },
    stop: () => projector.stop(),
  });
}

/** Reads what another process projects. */
export function followingReadSide(parts: Parts): ReadSide {
  const names = allProjections.map(({ name }) => name);
  const progress = new CheckpointProgress(parts.readModels.read, names);
  return readSide(parts, progress, projectionOperations({ ...parts, projector: undefined }), {
    trouble: async () => undefined,
    stop: () => progress.stop(),
  });
}

function readSide(
  { store, fit, breakdown, maxLag, readModels, clock }: Parts,
  progress: ReadProgress,
  operations: ProjectionOperations,
  following: Following & { stop(): Promise<void> },
): ReadSide {
  const queries = openQueries(readModels.read, progress, clock);
  return {
    progress,
    queries,
    providers: [
      { provide: QUERIES, useValue: queries },
      { provide: READ_POSITION, useValue: readPositionOf(progress, store, fit) },
      {
        provide: READINESS,
        useValue: readinessOf({ store, fit, breakdown, readModels, operations, following, maxLag }),
      },
      { provide: PROJECTION_OPERATIONS, useValue: operations },
      { provide: PROJECTION_REBUILDS, useValue: projectionRebuilds({ readModels, clock }) },
    ],
    close: () => following.stop(),
  };
}

/** After waiting so long, a read checks whether the log has the position at all, ms. */
const askAfterMs = 250;

/**
 * Waits for read positions that the log has. After the log was restored from a backup, clients may name positions that
 * never come: their reads are answered with the current state.
 */
export function readPositionOf(
  progress: ReadProgress,
  log: Pick<EventStore, 'head'>,
  { mayLag }: Pick<LogFit, 'mayLag'>,
): ReadPosition {
  return {
    async waitFor(position, timeoutMs) {
      const firstMs = Math.min(timeoutMs, askAfterMs);
      if (await progress.waitFor(position, { timeoutMs: firstMs })) return true;
      const reached = progress.waitFor(position, { timeoutMs: timeoutMs - firstMs });
      if (mayLag) return reached;
      const isBeyond = log.head().then(
        (head) => head === undefined || position > head,
        () => false,
      );
      return Promise.race([reached, isBeyond.then((isPast) => isPast || reached)]);
    },
    // Checkpoints hold positions the store gave us.
    current: () => progress.position as Position,
  };
}
