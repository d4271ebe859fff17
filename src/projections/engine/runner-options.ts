import type { DataSource } from 'typeorm';
import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';
import type { Dialect } from './dialect.js';
import type { Misfit } from './made-from.js';
import type { ProjectedEvent, Projection } from './projection.js';

/** What was committed; for live streams and metrics. */
export interface AppliedBatch {
  readonly position: number;
  /** The events some projection handled. */
  readonly events: readonly ProjectedEvent[];
  /** True when nothing more was waiting. */
  readonly caughtUp: boolean;
}

export interface RunnerOptions {
  readonly store: EventStore;
  readonly dataSource: DataSource;
  readonly dialect: Pick<Dialect, 'batchSize' | 'withSession' | 'committedRows'>;
  readonly projections: readonly Projection[];
  /** Most events of one transaction; default the dialect's. The event loop gets a turn after each. */
  readonly batchSize?: number;
  /** Appended to every table's name: a rebuild works beside the live tables. Default none. */
  readonly suffix?: string;
  /** Rows each projection keeps per table from batch to batch; default 2,000. */
  readonly cachedRows?: number;
  /** How often a halted projection's checkpoint is looked at; default 500 ms. */
  readonly lookEveryMs?: number;
  readonly clock?: Clock;
  readonly logger?: { error(details: object, message: string): void };
  /** Called while the tables are not the log's, each time that is found; must not throw. */
  readonly onMisfit?: (misfit: Misfit) => void;
  /** Called after each commit; must not throw. */
  readonly onApplied?: (applied: AppliedBatch) => void;
}
