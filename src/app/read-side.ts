import type { Provider } from '@nestjs/common';
import {
  PROJECTION_OPERATIONS,
  PROJECTION_REBUILDS,
  type ProjectionOperations,
  READINESS,
} from '../api/operations.js';

import { PositionBeyondLog, READ_POSITION, type ReadPosition } from '../api/read-position.js';

import type { EventStore, Position } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { within } from '../platform/within.js';
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

/** A log that does not answer within this time, ms, is taken to have the position. */
const askForMs = 250;

/**
 * Waits for read positions that the log has. One that it does not have is refused as soon as that is known: after the log
 * was restored from a backup, clients may name positions that never come.
 */
export function readPositionOf(
  progress: ReadProgress,
  log: Pick<EventStore, 'head'>,
  { mayLag }: Pick<LogFit, 'mayLag'>,
): ReadPosition {
  const head = new LogHead(log);
  return {
    async waitFor(position, timeoutMs) {
      const startedAtMs = performance.now();
      // A follower may not have the position yet. Asked first: who waits for what never comes would keep others busy.
      if (!mayLag) {
        const asking = within(
          Math.min(askForMs, timeoutMs),
          'asking for the end of the log',
          head.reaches(position),
        );
        if (!(await asking.catch(() => true))) throw new PositionBeyondLog(`the log ends before ${position}`);
      }
      const leftMs = Math.max(0, timeoutMs - (performance.now() - startedAtMs));
      return progress.waitFor(position, { timeoutMs: leftMs });
    },
    // Checkpoints hold positions the store gave us.
    current: () => progress.position as Position,
  };
}

/** The newest position of the log, read once for all who ask while it is read before. */
class LogHead {
  /** The log has everything up to here; 0 is its start. */
  #known = 0;
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly log: Pick<EventStore, 'head'>) {}

  /** Whether the log has an event at a position or after it. @throws what the log throws. */
  async reaches(position: number): Promise<boolean> {
    if (position > this.#known) await this.#readFromNowOn();
    return position <= this.#known;
  }

  /** A reading that has begun already may not see what was written since then. */
  #readFromNowOn(): Promise<void> {
    if (!this.#reading) return this.#read();
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#read();
      });
    return this.#next;
  }

  #read(): Promise<void> {
    this.#reading = this.log
      .head()
      .then((head) => {
        this.#known = Math.max(this.#known, head ?? 0);
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
}
