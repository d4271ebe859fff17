import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventStore, Position, RecordedEvent } from '../../event-store/port.js';
import { toInstant } from '../../events/ids.js';
import type { Clock } from '../../platform/clock.js';
import { BatchPipeline } from '../engine/batch-pipeline.js';
import { beforeFirst, loadCheckpoint } from '../engine/checkpoints.js';
import { type ActiveProjection, ProjectionFailure, type WatchRow } from '../engine/fold-batch.js';
import type { Projection } from '../engine/projection.js';
import { RowCache } from '../engine/unit-of-work.js';
import type { WritableTables } from '../read-models.js';

export interface FoldProgress {
  readonly events: number;
  readonly position: number;
}

interface FoldOptions {
  readonly onProgress?: (progress: FoldProgress) => void;
  /** Ends the fold early by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of every change of a row and the event that made it. */
  readonly watch?: WatchRow;
  /** Appended to every table's name: the fold works beside live tables. Default none. */
  readonly suffix?: string;
  /** Most events of one transaction; default the dialect's. */
  readonly batchSize?: number;
  /** Awaited after each transaction; default one turn of the event loop. */
  readonly pause?: () => Promise<unknown>;
}

interface Fold extends ActiveProjection {
  /** Last event read for this projection. */
  lastRead: Position | undefined;
  failure: ProjectionFailure | undefined;
}

/** Checkpoint rows of a fold carry no time: it is not compared. */
const noTime = toInstant(0);
const noClock: Clock = { now: () => noTime, nowMs: () => 0 };

/**
 * Folds the log into read models, each projection up to a position of its own and no further. It goes on from the
 * checkpoints it finds, so in tables that no other process writes.
 */
export class LogFold {
  private readonly folds: Fold[];
  private readonly pipeline: BatchPipeline;
  private events = 0;
  private hasLoaded = false;

  constructor(
    private readonly store: EventStore,
    private readonly models: WritableTables,
    projections: readonly Projection[],
    private readonly options: FoldOptions = {},
  ) {
    const { dialect, write } = models;
    this.pipeline = new BatchPipeline({ store, dialect, dataSource: write, clock: noClock });
    this.folds = projections.map((projection) => ({
      projection,
      suffix: options.suffix ?? '',
      cache: new RowCache(),
      position: beforeFirst,
      epoch: 0,
      ...(options.watch ? { watch: options.watch } : {}),
      lastRead: undefined,
      failure: undefined,
    }));
  }

  /** Projections that met an event they cannot apply: they stand before it. */
  get failures(): readonly ProjectionFailure[] {
    return this.folds.flatMap(({ failure }) => failure ?? []);
  }

  /**
   * Goes on to where each projection is wanted. A projection that is there already, or has failed, stays.
   * @param targets position by projection's name; those without one stay.
   */
  async advance(targets: ReadonlyMap<string, number>): Promise<void> {
    await this.load();
    const targetOf = ({ projection }: Fold): number => targets.get(projection.name) ?? beforeFirst;
    for (;;) {
      if (this.options.signal?.aborted) await this.pipeline.drain();
      this.options.signal?.throwIfAborted();
      const behind = this.folds.filter(
        (fold) => !fold.failure && this.pipeline.positionOf(fold) < targetOf(fold),
      );
      if (behind.length > 0) await this.step(behind, Math.min(...behind.map(targetOf)));
      else if (await this.attempt(() => this.pipeline.drain())) return;
      await (this.options.pause ?? nextTurn)();
    }
  }

  /** Where each projection stands, by name. */
  async positions(): Promise<ReadonlyMap<string, number>> {
    await this.load();
    return new Map(this.folds.map(({ projection, position }) => [projection.name, position]));
  }

  private async load(): Promise<void> {
    if (this.hasLoaded) return;
    const { dialect, write } = this.models;
    await dialect.withSession(write, async (session) => {
      for (const fold of this.folds) {
        const checkpoint = await loadCheckpoint(session, fold.projection, fold.suffix, noTime);
        fold.position = checkpoint.position;
        fold.epoch = checkpoint.epoch;
        fold.lastRead = readUpTo(fold);
      }
    });
    this.hasLoaded = true;
  }

  /** One page of the log, none of it beyond `until`, for those who have not seen it. */
  private async step(behind: readonly Fold[], until: number): Promise<void> {
    const { pipeline } = this;
    const last = behind.toSorted((a, b) => pipeline.positionOf(a) - pipeline.positionOf(b))[0]?.lastRead;
    // Positions have gaps of unknown size: a page begins with the last event of the one before.
    const limit = (this.options.batchSize ?? this.models.dialect.batchSize) + 1;
    const page = await this.store.readAll({ from: last ?? 'start', limit });
    const fresh = page.filter(({ position }) => position <= until && (last === undefined || position > last));
    const isThere = page.length < limit || (page.at(-1)?.position ?? until) >= until;
    const newest: RecordedEvent | undefined = fresh.at(-1);
    const position = isThere ? until : (newest?.position ?? until);
    // Of an event, or a checkpoint's, which the store once told.
    const batch = { events: fresh, position: position as Position, caughtUp: isThere };
    const isGoingOn = await this.attempt(() =>
      pipeline.apply(behind, batch, () => {
        this.events += fresh.length;
        this.options.onProgress?.({ events: this.events, position });
      }),
    );
    if (!isGoingOn) return;
    for (const fold of behind) {
      if (newest && newest.position > (fold.lastRead ?? beforeFirst)) fold.lastRead = newest.position;
    }
  }

  /** @returns false when it failed by a projection, which then stands still: the others begin again where they were. */
  private async attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      for (const fold of this.folds) {
        fold.cache.clear();
        fold.lastRead = readUpTo(fold);
      }
      // Whether it was committed only the checkpoint can tell.
      this.hasLoaded = false;
      const failed = error instanceof ProjectionFailure && this.folds.find((fold) => fold === error.active);
      if (!failed) throw error;
      failed.failure = error;
      return false;
    }
  }
}

/** What a checkpoint says was read. */
function readUpTo({ position }: Fold): Position | undefined {
  // Checkpoints hold positions the store gave us.
  return position > beforeFirst ? (position as Position) : undefined;
}
