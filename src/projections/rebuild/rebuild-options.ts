import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';
import type { Projection } from '../engine/projection.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { ReadModels } from '../read-models.js';
import type { RebuildProgress, RebuildRequest } from './rebuild-row.js';

export interface RebuildOptions {
  readonly rebuildId: string;
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly models: ReadModels;
  /** Of the same read models. */
  readonly location: ReadModelLocation;
  readonly projections: readonly Projection[];
  readonly request: Pick<RebuildRequest, 'compareOnly' | 'restart'>;
  /** Most events of one transaction; default the database's. */
  readonly batchSize?: number;
  /** Left between transactions for others that write the database, or share the process, ms. */
  readonly pauseMs: number;
  /** How long to wait for open transactions that prevent the swap, ms; default five minutes. */
  readonly swapPatienceMs?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
  readonly clock?: Clock;
}
