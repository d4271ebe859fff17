import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { EventStore } from '../../event-store/port.js';
import { type Clock, systemClock } from '../../platform/clock.js';
import { explain, liveCheckpoints, withSnapshot } from '../compare/compare-read-models.js';
import {
  type ComparedTable,
  compareTables,
  type Query,
  type TableDifference,
  type WrongRow,
} from '../compare/compare-tables.js';
import { LogFold } from '../compare/fold-log.js';
import { beforeFirst, type Checkpoint, findCheckpoint } from '../engine/checkpoints.js';
import { DatabaseFailure, TablesInUse, type WriteSession } from '../engine/dialect.js';
import { misfitOf } from '../engine/made-from.js';
import { type Projection, tablesOf } from '../engine/projection.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { WritableTables } from '../read-models.js';
import type { RebuildProgress, RebuildReport, RebuildRequest, RebuiltProjection } from './rebuild-record.js';
import {
  describeTableUse,
  dropRetired,
  dropShadow,
  fence,
  ofPeople,
  prepareShadow,
  resolveFences,
  shadowSuffix,
  swapTables,
  tableNames,
  usedByOthers,
} from './shadow-tables.js';

export interface RebuildOptions {
  readonly rebuildId: string;
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly models: WritableTables;
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

/** Attempts at the swap that may fail for other reasons than open transactions. */
const swapAttempts = 5;
/** Before a swap begins, it waits for transactions that have been open for so long. */
const lastingSeconds = 1;
/** Pauses between attempts, in which queries of the tables go on. */
const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** Giving up costs little, because what was built is kept. */
const defaultSwapPatienceMs = 5 * 60_000;

/**
 * Builds the tables of some projections anew beside the live ones, compares the two at one position of the log, and
 * puts the new ones in their place while both are in use. Interrupted at any point, the next run goes on.
 * @throws {ProjectionFailure} an event cannot be applied, {@link DatabaseFailure}, or the signal's reason. What was
 * built stays for the next run.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  return new Rebuild(options).run();
}

class Rebuild {
  private readonly startedAt = performance.now();
  private readonly clock: Clock;
  private readonly fold: LogFold;
  private phase: RebuildProgress['phase'] = 'folding';
  private target = beforeFirst;
  private events = 0;
  private differenceCount: number | null = null;
  /** Live tables of another log, with the reason, by projection: neither their rows nor their positions are used. */
  private foreign: ReadonlyMap<string, string> = new Map();
  /** Where this run began, for the time left: a resumed one begins in the middle. */
  private first: { readonly position: number; readonly atMs: number } | undefined;

  constructor(private readonly options: RebuildOptions) {
    const { store, models, projections, batchSize, pauseMs, signal } = options;
    this.clock = options.clock ?? systemClock;
    this.fold = new LogFold(store, models, projections, {
      suffix: shadowSuffix,
      ...(batchSize === undefined ? {} : { batchSize }),
      signal,
      pause: () => delay(pauseMs),
      onProgress: ({ events, position }) => {
        this.events = events;
        this.tell(position);
      },
    });
  }

  async run(): Promise<RebuildReport> {
    const { store, models, projections, request } = this.options;
    await this.clearUp();
    this.foreign = await this.foreignTables();
    await prepareShadow(models, projections, { log: store, restart: request.restart });
    // Most of the log before the snapshot is taken, so that it is not kept open for long.
    await this.advance(this.ownPositions(await this.livePositions()));
    const { rebuilt, tables, found } = await this.compare();
    const differenceCount = tables.reduce((sum, table) => sum + table.differences, 0);
    this.differenceCount = differenceCount;
    const differences = await this.decidingEvents(found, rebuilt);
    const swapped = request.compareOnly ? undefined : await this.swap();
    this.enter('cleaning');
    await this.inSession((session) =>
      swapped ? dropRetired(session, projections) : dropShadow(session, projections),
    );
    // People may have been erased meanwhile. If the files stay in use, what is left of them goes with the next cleaning.
    if (ofPeople(projections).length > 0) await models.dialect.clean(models.write).catch(() => undefined);
    return {
      projections: rebuilt.map((one) => ({ ...one, swappedAt: swapped?.get(one.projection) ?? null })),
      tables,
      differenceCount,
      differences,
      events: this.events,
      elapsedMs: Math.round(performance.now() - this.startedAt),
    };
  }

  /** Ends what rebuilds before this one have left: this one holds the lease, so they are gone. */
  private async clearUp(): Promise<void> {
    const { models, projections, rebuildId } = this.options;
    await this.inSession(async (session) => {
      const isGone = (other: string) => other !== rebuildId;
      await resolveFences(models.dialect, session, projections, { isGone, at: this.clock.now() });
      await dropRetired(session, projections);
    });
  }

  private compare() {
    this.enter('comparing');
    const { fold, foreign } = this;
    return compareShadow(this.options, { fold, foreign, advance: (targets) => this.advance(targets) });
  }

  private decidingEvents(
    found: readonly TableDifference[],
    rebuilt: readonly RebuiltProjection[],
  ): Promise<WrongRow[]> {
    const { store, projections, signal } = this.options;
    this.enter('explaining');
    const wrong = new Set(found.map(({ table }) => table));
    const concerned = projections.filter((one) => tablesOf(one).some((table) => wrong.has(table)));
    return explain(found, comparedAt(rebuilt), concerned, {
      store,
      signal,
      onProgress: ({ position }) => this.tell(position),
    });
  }

  /**
   * Open transactions that have used the tables (a dump, an audit) prevent the renaming. They are not ended; the swap
   * waits for them, and makes queries wait behind it as briefly and as rarely as possible.
   * @returns the positions of the new tables at the swap.
   * @throws {TablesInUse} naming the transactions that have not ended in time.
   */
  private async swap(): Promise<Positions> {
    const { models, projections, signal, swapPatienceMs = defaultSwapPatienceMs } = this.options;
    const startedAt = performance.now();
    let failures = 0;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const swapped = await this.trySwap();
      if (swapped instanceof Map) return swapped;
      if (swapped !== 'blocked' && ++failures === swapAttempts) throw swapped;
      const waitedMs = performance.now() - startedAt;
      if (swapped === 'blocked' && waitedMs >= swapPatienceMs) {
        throw new TablesInUse(describeTableUse(await usedByOthers(models, projections, 0), waitedMs));
      }
      this.enter('waiting');
      await delay(pauseMs, undefined, { signal });
    }
  }

  /** @returns the positions, `blocked` when open transactions prevent the renaming, or the error of the database. */
  private async trySwap(): Promise<Positions | 'blocked' | DatabaseFailure> {
    const { models, projections } = this.options;
    try {
      const use = await usedByOthers(models, projections, lastingSeconds);
      if (use.certainty === 'certain' && use.transactions.length > 0) return 'blocked';
      // To the end of the log first: live tables are not written from the fence to the swap, so little may be left then.
      await this.advance(await this.headPositions());
      await this.advance(await this.headPositions());
      this.enter('swapping');
      return await this.swapOnce();
    } catch (error) {
      const swapped = await this.takeBack();
      if (swapped instanceof Map) return swapped;
      if (error instanceof TablesInUse) return 'blocked';
      if (error instanceof DatabaseFailure) return error;
      throw error;
    }
  }

  /**
   * Lifts the fence of a swap that failed. A database that fails again is left to the next attempt, or to the process that
   * ends what dead rebuilds have left.
   * @returns the positions when the swap happened although its answer was lost.
   */
  private async takeBack(): Promise<Positions | undefined> {
    try {
      await this.liftOwnFence();
      return (await this.isSwapped()) ? await this.livePositions() : undefined;
    } catch (error) {
      if (error instanceof DatabaseFailure) return undefined;
      throw error;
    }
  }

  private liftOwnFence(): Promise<void> {
    const { models, projections, rebuildId } = this.options;
    const isGone = (one: string) => one === rebuildId;
    return this.inSession((session) =>
      resolveFences(models.dialect, session, projections, { isGone, at: this.clock.now() }),
    );
  }

  private async swapOnce(): Promise<Positions> {
    const { models, projections, rebuildId, signal } = this.options;
    const live = await this.inSession((session) => fence(session, projections, rebuildId, this.clock.now()));
    await this.advance(this.ownPositions(live));
    signal.throwIfAborted();
    const positions = await this.fold.positions();
    await this.inSession((session) =>
      swapTables(models, session, projections, { rebuildId, at: this.clock.now() }),
    );
    return positions;
  }

  /** Whether the swap happened although its answer was lost. */
  private async isSwapped(): Promise<boolean> {
    const { models, projections } = this.options;
    const names = await this.inSession((session) => models.dialect.namesInUse(session));
    return projections.every((one) => tableNames(one, shadowSuffix).every((name) => !names.has(name)));
  }

  private async advance(targets: Positions): Promise<void> {
    this.target = Math.max(this.target, ...targets.values());
    await this.fold.advance(targets);
    const [failure] = this.fold.failures;
    if (failure) throw failure;
  }

  private async livePositions(): Promise<Positions> {
    return new Map([...(await this.liveCheckpoints())].map(([name, { position }]) => [name, position]));
  }

  private async liveCheckpoints() {
    const { projections } = this.options;
    return this.inSession(async (session) => {
      const found = new Map<string, Checkpoint>();
      for (const { name } of projections) {
        const checkpoint = await findCheckpoint(session, name);
        if (checkpoint) found.set(name, checkpoint);
      }
      return found;
    });
  }

  private async foreignTables(): Promise<ReadonlyMap<string, string>> {
    const foreign = new Map<string, string>();
    for (const [name, checkpoint] of await this.liveCheckpoints()) {
      const misfit = await misfitOf(this.options.store, [{ ...checkpoint, name }]);
      if (misfit) foreign.set(name, misfit.found);
    }
    return foreign;
  }

  /** Positions of the live tables that were made from this log. */
  private ownPositions(live: Positions): Positions {
    return new Map([...live].filter(([name]) => !this.foreign.has(name)));
  }

  private async headPositions(): Promise<Positions> {
    const head = (await this.options.store.head()) ?? beforeFirst;
    return new Map(this.options.projections.map(({ name }) => [name, head]));
  }

  private inSession<Result>(work: (session: WriteSession) => Promise<Result>): Promise<Result> {
    const { dialect, write } = this.options.models;
    return dialect.withSession(write, work);
  }

  private enter(phase: RebuildProgress['phase']): void {
    this.options.signal.throwIfAborted();
    this.phase = phase;
    this.tell(this.target);
  }

  private tell(position: number): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.startedAt) / 1_000;
    if (this.phase === 'folding') this.first ??= { position, atMs: nowMs };
    this.options.onProgress?.({
      phase: this.phase,
      position,
      target: this.target,
      events: this.events,
      eventsPerSecond: seconds > 0 ? Math.round(this.events / seconds) : 0,
      secondsLeft: this.phase === 'folding' ? this.secondsLeft(position, nowMs) : null,
      differenceCount: this.differenceCount,
    });
  }

  private secondsLeft(position: number, nowMs: number): number | null {
    const { first } = this;
    if (!first || position <= first.position) return null;
    const perMs = (position - first.position) / (nowMs - first.atMs);
    return Math.max(0, Math.round((this.target - position) / perMs / 1_000));
  }
}

/** Positions by projection's name. */
type Positions = ReadonlyMap<string, number>;

interface ShadowComparison {
  readonly rebuilt: readonly RebuiltProjection[];
  readonly tables: readonly ComparedTable[];
  readonly found: readonly TableDifference[];
}

interface Shadow {
  readonly fold: LogFold;
  /** Live tables of another log, with the reason, by projection. */
  readonly foreign: ReadonlyMap<string, string>;
  advance(targets: Positions): Promise<void>;
}

/**
 * Compares live and shadow tables at one position of the log: the live ones in a snapshot, so that they may be
 * written meanwhile, and the shadow brought to just where that is.
 */
function compareShadow(
  { models, location, projections, signal }: RebuildOptions,
  { fold, foreign, advance }: Shadow,
): Promise<ShadowComparison> {
  return withSnapshot(location, async (live) => {
    const checkpoints = await liveCheckpoints(live);
    const shadow = await fold.positions();
    const rebuilt = projections.map((projection): RebuiltProjection => {
      const { name } = projection;
      const checkpoint = checkpoints.get(name);
      const problem =
        foreign.get(name) ?? obstacleTo(projection, checkpoint, shadow.get(name) ?? beforeFirst);
      const comparedAt = problem ? null : (checkpoint?.position ?? null);
      return { projection: name, comparedAt, problem, swappedAt: null };
    });
    const positions = comparedAt(rebuilt);
    await advance(positions);
    const comparable = projections.filter(({ name }) => positions.has(name));
    const query: Query = async (sql, parameters) => {
      // In the server's own process others get a turn.
      await nextTurn();
      return models.dialect.withSession(models.write, (session) => session.all(sql, parameters));
    };
    const nameOf = ({ name }: { readonly name: string }): string => name + shadowSuffix;
    const { tables, differences } = await compareTables(comparable, { query, nameOf }, live, signal);
    return { rebuilt, tables, found: differences };
  });
}

/** Why live tables cannot be compared; null when they can. */
function obstacleTo(
  projection: Projection,
  live: Pick<Checkpoint, 'position' | 'version'> | undefined,
  shadow: number,
): string | null {
  if (live === undefined) return 'it was never projected';
  if (live.version !== projection.version) {
    return `its tables were built by version ${live.version}, this is version ${projection.version}`;
  }
  if (live.position >= shadow) return null;
  return `its tables stand still at position ${live.position}, and those an earlier run has left are further`;
}

/** Where projections were compared, by name. */
function comparedAt(rebuilt: readonly RebuiltProjection[]): Positions {
  return new Map(
    rebuilt.flatMap(({ projection, comparedAt }) => (comparedAt === null ? [] : [[projection, comparedAt]])),
  );
}
