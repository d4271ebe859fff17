import { setTimeout as delay } from 'node:timers/promises';
import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';
import type { Projection } from '../engine/projection.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { ReadModels } from '../read-models.js';
import { claimRebuild, findRebuild, type RebuildRow, RebuildStopped } from './rebuild-row.js';
import { runRebuild } from './run-rebuild.js';
import { settleDead } from './swap.js';

export interface RebuilderOptions {
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly models: ReadModels;
  /** Of the same read models. */
  readonly location: ReadModelLocation;
  /** All there are. */
  readonly projections: readonly Projection[];
  readonly clock: Clock;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
  /** How often the database is asked for something to do; default a second. */
  readonly lookEveryMs?: number;
}

/**
 * Where one process does everything, a transaction keeps HTTP requests waiting: few events each, and time for the
 * requests in between.
 */
const gentle = { batchSize: 100, pauseMs: 5 };

/**
 * What a process that projects does for rebuilds: it runs those that were requested, and ends what dead ones, its own
 * or a command's, have left behind.
 */
export class Rebuilder {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private lastFailure: string | undefined;

  constructor(private readonly options: RebuilderOptions) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** Stops; a rebuild under way is cancelled, and what it has built stays for the next. */
  async stop(): Promise<void> {
    this.stopping.abort(new RebuildStopped('the process that ran it stopped'));
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.look();
        this.lastFailure = undefined;
      } catch (error) {
        this.warnOnce(error);
      }
      await delay(this.options.lookEveryMs ?? 1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const { models, projections, clock } = this.options;
    const { dialect, write } = models;
    const claimed = await dialect.withSession(write, async (session) => {
      await settleDead(dialect, session, projections, clock.now());
      const row = await findRebuild(session);
      const isOurs = row?.status === 'requested' && (await claimRebuild(session, row.rebuildId, clock.now()));
      return isOurs ? row : undefined;
    });
    if (claimed) await this.rebuild(claimed);
  }

  /** How it ends is written down; nothing more has to be done about a failure. */
  private async rebuild({ rebuildId, request }: RebuildRow): Promise<void> {
    const { store, models, location, clock, log } = this.options;
    log.info({ rebuildId, request }, 'a rebuild of read models begins');
    try {
      const { differenceCount, elapsedMs } = await runRebuild({
        rebuildId,
        store,
        models,
        location,
        projections: this.options.projections.filter(({ name }) => request.names.includes(name)),
        request,
        ...(models.dialect.hasOneWriter ? gentle : { pauseMs: 0 }),
        signal: this.stopping.signal,
        clock,
      });
      log.info({ rebuildId, differenceCount, elapsedMs }, 'the rebuild is done');
    } catch (error) {
      log.warn({ rebuildId, error }, 'the rebuild has ended before it was done');
    }
  }

  /** A database that does not answer would fill the log. */
  private warnOnce(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.lastFailure) return;
    this.lastFailure = message;
    this.options.log.warn({ error }, 'rebuilds of read models cannot be looked after');
  }
}
