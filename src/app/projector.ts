import type { EventStore } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { allProjections } from '../projections/all-projections.js';
import type { Misfit } from '../projections/engine/made-from.js';
import { ProjectionRunner } from '../projections/engine/runner.js';
import type { RunnerState } from '../projections/engine/runner-status.js';
import type { ReadModelLocation, WritableTables } from '../projections/open-read-models.js';
import { Rebuilder } from '../projections/rebuild/rebuilder.js';
import type { ReadModelProgress } from '../queries/queries.js';

/** How far the read models are, whichever process writes them. */
export interface ReadProgress extends ReadModelProgress {
  /** Where they were when last looked at; -1 before the first event. */
  readonly position: number;
}

/** What projects the log into the read models, in this thread or in another one. */
export interface Projector extends ReadProgress {
  /** As far as is known in this thread. */
  readonly state: RunnerState;
  /** Ends after the batch at hand. */
  stop(): Promise<void>;
}

interface Parts {
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly tables: WritableTables;
  readonly clock: Clock;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Called while the tables are not the log's, each time that is found. */
  readonly onMisfit: (misfit: Misfit) => void;
  /** Called whenever the state may have changed. */
  readonly onChange?: () => void;
  /** Where the same tables are, to carry out rebuilds that operators request; without, they are left to other processes. */
  readonly rebuildsAt?: ReadModelLocation;
}

/** Projects the log in this thread. */
export class LocalProjector implements Projector {
  readonly #runner: ProjectionRunner;
  readonly #rebuilder: Rebuilder | undefined;

  constructor({ store, tables, clock, log, onMisfit, onChange, rebuildsAt: location }: Parts) {
    this.#runner = new ProjectionRunner({
      store,
      dataSource: tables.write,
      dialect: tables.dialect,
      projections: allProjections,
      clock,
      logger: log,
      onMisfit,
      ...(onChange && { onChange }),
    });
    this.#rebuilder =
      location && new Rebuilder({ store, models: tables, location, projections: allProjections, clock, log });
  }

  get position(): number {
    return this.#runner.position;
  }

  get state(): RunnerState {
    return this.#runner.state;
  }

  start(): void {
    this.#runner.start();
    this.#rebuilder?.start();
  }

  waitFor(position: number, options: { readonly timeoutMs: number }): Promise<boolean> {
    return this.#runner.waitFor(position, options);
  }

  async stop(): Promise<void> {
    await this.#rebuilder?.stop();
    await this.#runner.stop();
  }
}
