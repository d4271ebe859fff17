import { setTimeout as delay } from 'node:timers/promises';
import type { EventStore } from '../../event-store/port.js';
import { type Clock, systemClock } from '../../platform/clock.js';
import { beforeFirst } from '../engine/checkpoints.js';
import type { Projection } from '../engine/projection.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { WritableTables } from '../read-models.js';
import { type RebuildOptions, rebuild } from './rebuild.js';
import {
  claimRebuild,
  endRebuild,
  findRebuild,
  type RebuildProgress,
  type RebuildReport,
  type RebuildRow,
  RebuildStopped,
  renewLease,
} from './rebuild-record.js';
import { clearPeople, resolveDeadRebuilds } from './shadow-tables.js';

interface RebuilderOptions {
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly models: WritableTables;
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

/** Where there is one writer, a transaction keeps the live projections waiting: few events each, and time in between. */
const gentle = { batchSize: 100, pauseMs: 5 };

/**
 * What a process that projects does for rebuilds: it runs those that were requested, and ends what dead ones, its own
 * or a command's, have left behind.
 */
export class Rebuilder {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private lastFailure: string | undefined;
  /** The ended rebuild that has left no names. */
  private cleared: string | undefined;

  constructor(private readonly options: RebuilderOptions) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** Stops; a rebuild under way is cancelled, and what it has built stays for the next, but for tables with names. */
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
    const row = await dialect.withSession(write, async (session) => {
      await resolveDeadRebuilds(dialect, session, projections, clock.now());
      const found = await findRebuild(session);
      const isTaken =
        found?.status === 'requested' && !(await claimRebuild(session, found.rebuildId, clock.now()));
      return isTaken ? undefined : found;
    });
    if (row?.status === 'requested') await this.rebuild(row);
    if (row?.status === 'failed' || row?.status === 'cancelled') await this.clearPeople(row);
  }

  /** Most often the rebuild has done that itself, and there is nothing to do. */
  private async clearPeople(ended: RebuildRow): Promise<void> {
    if (ended.rebuildId === this.cleared) return;
    const { models, projections, clock } = this.options;
    await clearPeople(models, projections, ended, clock.now());
    this.cleared = ended.rebuildId;
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

const notBegun: RebuildProgress = {
  phase: 'folding',
  position: beforeFirst,
  target: beforeFirst,
  events: 0,
  eventsPerSecond: 0,
  secondsLeft: null,
  differenceCount: null,
};

/**
 * Runs a rebuild whose row says `running` here: keeps its lease and writes down how it ended.
 * @throws what {@link rebuild} throws; {@link RebuildStopped} when it was cancelled or replaced.
 */
export async function runRebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { models, rebuildId, onProgress } = options;
  const clock: Clock = options.clock ?? systemClock;
  let progress = notBegun;
  const lease = keepLease(models, rebuildId, { clock, progress: () => progress });
  const end = (
    status: 'completed' | 'cancelled' | 'failed',
    report: RebuildReport | null,
    error: string | null,
  ) =>
    models.dialect.withSession(models.write, (session) =>
      endRebuild(session, rebuildId, { status, progress, report, error }, clock.now()),
    );
  try {
    const report = await rebuild({
      ...options,
      signal: AbortSignal.any([options.signal, lease.signal]),
      onProgress: (now) => {
        progress = now;
        onProgress?.(now);
      },
    });
    await lease.release();
    await end('completed', report, null);
    return report;
  } catch (error) {
    await lease.release();
    const isStopped = options.signal.aborted || error instanceof RebuildStopped;
    const message = error instanceof Error ? error.message : String(error);
    // The error that ended it matters more than the failure to record it.
    const status = isStopped ? 'cancelled' : 'failed';
    await end(status, null, message)
      .then(() => clearPeople(models, options.projections, { rebuildId, status }, clock.now()))
      // A process that projects does it then.
      .catch(() => undefined);
    throw error;
  }
}

const renewEveryMs = 1_000;

/** A kept lease. */
interface Lease {
  /** Aborts when the rebuild must stop: it was cancelled, or another one took its place. */
  readonly signal: AbortSignal;
  /** Stops keeping it. */
  release(): Promise<void>;
}

/** Renews a rebuild's lease once a second, and tells on the way how far it is. */
function keepLease(
  { write, dialect }: WritableTables,
  rebuildId: string,
  options: { readonly clock: Clock; progress(): RebuildProgress },
): Lease {
  const stop = new AbortController();
  let renewing = Promise.resolve();
  const renew = async (): Promise<void> => {
    try {
      await dialect.withSession(write, (session) =>
        renewLease(session, rebuildId, options.progress(), options.clock.now()),
      );
    } catch (error) {
      // A database that does not answer may do so before the lease is over.
      if (error instanceof RebuildStopped) stop.abort(error);
    }
  };
  const timer = setInterval(() => {
    renewing = renewing.then(renew);
  }, renewEveryMs);
  return {
    signal: stop.signal,
    async release() {
      clearInterval(timer);
      await renewing;
    },
  };
}
