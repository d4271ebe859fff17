import { once } from 'node:events';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { EventStore, Position, Subscription, SubscriptionBatch } from '../../event-store/port.js';
import { type Clock, systemClock } from '../../platform/clock.js';
import { BatchPipeline } from './batch-pipeline.js';
import {
  adoptCheckpoint,
  beforeFirst,
  type Checkpoint,
  checkpointName,
  loadCheckpoint,
  recordFault,
  untilControlled,
} from './checkpoints.js';
import type { Dialect } from './dialect.js';
import { CheckpointMoved, markOf, ProjectionFailure } from './fold-batch.js';
import { fingerprintOfLog, type Misfit, madeFromText, misfitOf, TablesOfAnotherLog } from './made-from.js';
import { PositionWaiters } from './position-waiters.js';
import type { Projection } from './projection.js';
import {
  countApplied,
  isActive,
  isStuck,
  newEntry,
  parkedBy,
  type RunnerEntry,
  type RunnerState,
  type RunnerStatus,
  statusOf,
  takeOver,
} from './runner-status.js';

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
  /** Called whenever {@link ProjectionRunner.state} may have changed; must not throw. */
  readonly onChange?: () => void;
}

/** How far the read models may lag on purpose while no reader waits for them. */
const gatherMs = 10;
const firstBackOffMs = 100;
const maxBackOffMs = 5_000;
const defaultLookEveryMs = 500;
/** The same while tables are swapped, which takes no longer than some transactions. */
const swapLookMs = 20;

/**
 * Feeds the log to projections: one subscription, one transaction per batch for all rows and checkpoints.
 * A database or store failure is retried with back-off for as long as it lasts; an event a projection cannot
 * apply parks that projection and leaves the others running. Projections may be paused, tried again and rebuilt
 * from outside, through their checkpoints. Tables that were made from another log are not changed.
 */
export class ProjectionRunner {
  private readonly entries: readonly RunnerEntry[];
  private readonly clock: Clock;
  private readonly pipeline: BatchPipeline;
  private readonly waiters = new PositionWaiters();
  private readonly stopping = new AbortController();
  private subscription: Subscription | undefined;
  private loop: Promise<void> | undefined;
  private lastError: string | null = null;
  private caughtUp = false;
  private hasLoaded = false;
  private backOffMs = firstBackOffMs;

  constructor(private readonly options: RunnerOptions) {
    const suffix = options.suffix ?? '';
    this.clock = options.clock ?? systemClock;
    const { projections, cachedRows, store, dialect, dataSource } = options;
    this.pipeline = new BatchPipeline({ store, dialect, dataSource, clock: this.clock });
    this.entries = projections.map((projection) => newEntry(projection, suffix, cachedRows));
  }

  /** Begins to follow the log. Failures do not reject: see {@link status}. */
  start(): void {
    this.loop ??= this.run();
  }

  /** Stops after the batch at hand. A stopped runner does not start again. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.subscription?.stop();
    await this.loop;
    this.giveUp();
  }

  /** Where every projection has arrived; -1 before the first event. */
  get position(): number {
    return Math.min(...this.entries.map((entry) => entry.position));
  }

  /**
   * Waits until every projection has applied `position`: read your own writes.
   * @returns false when that did not happen in `timeoutMs`, or cannot because a projection is parked or paused.
   */
  async waitFor(position: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<boolean> {
    if (this.position >= position) return true;
    if (this.stopping.signal.aborted || this.entries.some(isStuck)) return false;
    return this.waiters.wait(position, options);
  }

  /** How the projections are doing. */
  get state(): RunnerState {
    return {
      running: this.loop !== undefined && !this.stopping.signal.aborted,
      position: this.position,
      isStuck: this.entries.some(isStuck),
      lastError: this.lastError,
      projections: this.entries.map(statusOf),
    };
  }

  /** The same beside the log; asks the store for its head. */
  async status(): Promise<RunnerStatus> {
    const headPosition = (await this.options.store.head()) ?? beforeFirst;
    const { state } = this;
    const { running, isStuck, lastError } = state;
    return { ...state, headPosition, ready: running && lastError === null && this.caughtUp && !isStuck };
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.follow();
      } catch (error) {
        if (error instanceof CheckpointMoved) continue;
        if (error instanceof ProjectionFailure) await this.stopAtFault(error);
        else if (error instanceof TablesOfAnotherLog) await this.refuse(error);
        else await this.backOff(error);
      }
    }
  }

  /** Until something changes, or fails: one life of the subscription, from the checkpoints as they are now. */
  private async follow(): Promise<void> {
    await this.loadCheckpoints();
    const change = new AbortController();
    const end = AbortSignal.any([this.stopping.signal, change.signal]);
    const halted = this.entries.filter((entry) => !isActive(entry)).map(markOf);
    const isSwapping = this.entries.some((entry) => entry.halted === 'fenced');
    const lookEveryMs = isSwapping ? swapLookMs : (this.options.lookEveryMs ?? defaultLookEveryMs);
    const controlled =
      halted.length > 0 &&
      untilControlled(this.options, halted, { lookEveryMs, end }).then(() => change.abort());
    try {
      await this.followUntil(end);
    } finally {
      change.abort();
      await controlled;
    }
  }

  private async followUntil(end: AbortSignal): Promise<void> {
    const active = this.entries.filter(isActive);
    if (active.length === 0 && !end.aborted) await once(end, 'abort');
    if (end.aborted) return;
    const from = Math.min(...active.map((entry) => entry.position));
    // An earlier life or another runner may already have applied everything.
    const head = (await this.options.store.head()) ?? beforeFirst;
    if (from >= head) {
      this.caughtUp = true;
      this.lastError = null;
    }
    this.reached();
    if (end.aborted) return;
    const subscription = this.options.store.subscribe(
      {
        // Checkpoints hold positions the store gave us.
        after: from === beforeFirst ? 'start' : (from as Position),
        batchSize: this.options.batchSize ?? this.options.dialect.batchSize,
      },
      (batch) => this.apply(active, batch),
    );
    this.subscription = subscription;
    // The caller of stop() learns of a failure by `done` as well.
    end.addEventListener('abort', () => void subscription.stop().catch(() => undefined), { once: true });
    try {
      await subscription.done;
    } finally {
      await this.pipeline.drain();
    }
  }

  private async loadCheckpoints(): Promise<void> {
    const { dialect, dataSource, logger } = this.options;
    const wasStuck = new Set(this.entries.filter(isStuck));
    const loaded = new Map<RunnerEntry, Checkpoint>();
    await dialect.withSession(dataSource, async (session) => {
      for (const entry of this.entries) {
        const { projection, suffix } = entry;
        loaded.set(entry, await loadCheckpoint(session, projection, suffix, this.clock.now()));
      }
    });
    await this.compareWithLog(loaded);
    for (const [entry, checkpoint] of loaded) takeOver(entry, checkpoint, !this.hasLoaded);
    this.hasLoaded = true;
    const stuck = this.entries.filter((entry) => isStuck(entry) && !wasStuck.has(entry));
    for (const { projection, parked } of stuck) {
      logger?.error({ projection: projection.name }, parked?.error ?? `${projection.name} is paused`);
    }
    if (stuck.length > 0) this.giveUp();
    else this.options.onChange?.();
  }

  /** @throws {TablesOfAnotherLog} */
  private async compareWithLog(loaded: ReadonlyMap<RunnerEntry, Checkpoint>): Promise<void> {
    const { dialect, dataSource, store } = this.options;
    const tables = [...loaded].map(([{ projection }, checkpoint]) => ({
      ...checkpoint,
      name: projection.name,
    }));
    const misfit = await misfitOf(store, tables);
    if (misfit) throw new TablesOfAnotherLog(misfit);
    const unknown = [...loaded].filter(([, { position, madeFrom }]) => position > 0 && madeFrom === null);
    const log = unknown.length > 0 ? await fingerprintOfLog(store) : undefined;
    if (log === undefined) return;
    await dialect.withSession(dataSource, async (session) => {
      for (const [{ projection, suffix }, { position, epoch }] of unknown) {
        const mark = { name: checkpointName(projection, suffix), position, epoch };
        await adoptCheckpoint(session, mark, madeFromText(log, null));
      }
    });
  }

  private async apply(active: readonly RunnerEntry[], delivered: SubscriptionBatch): Promise<void> {
    // A checkpoint is always the position of an event: only an event can be found again in the log and compared.
    const position = delivered.events.at(-1)?.position;
    const batch = position === undefined ? delivered : { ...delivered, position };
    const before = active.map((entry) => this.pipeline.positionOf(entry));
    await this.pipeline.apply(position === undefined ? [] : active, batch, () => {
      for (const [index, entry] of active.entries()) countApplied(entry, before[index] ?? 0, batch.events);
      this.backOffMs = firstBackOffMs;
      this.lastError = null;
      this.caughtUp = batch.caughtUp;
      this.reached();
    });
    // The HTTP server shares this thread: it gets a turn, and when nothing is pressing, time in which events
    // gather, since a batch costs more than an event.
    if (batch.caughtUp) await this.waiters.idle(gatherMs);
    else await nextTurn();
  }

  private async stopAtFault(failure: ProjectionFailure): Promise<void> {
    const { dialect, dataSource, logger } = this.options;
    const parked = parkedBy(failure);
    const entry = this.entries.find((one) => one === failure.active);
    if (entry) entry.parked = parked;
    logger?.error({ projection: failure.active.projection.name, event: parked.event }, parked.error);
    this.giveUp();
    await dialect
      .withSession(dataSource, (session) =>
        recordFault(session, markOf(failure.active), parked, this.clock.now()),
      )
      .catch((error) => this.backOff(error));
  }

  /** Reports the mismatch and waits: it goes on once an operator has ended it. */
  private async refuse({ misfit }: TablesOfAnotherLog): Promise<void> {
    const { logger, onMisfit } = this.options;
    if (this.lastError !== misfit.sentence) logger?.error({ misfit: misfit.kind }, misfit.sentence);
    this.lastError = misfit.sentence;
    this.giveUp();
    onMisfit?.(misfit);
    await this.waitToTryAgain();
  }

  private async backOff(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    // An outage fails every few seconds: it is logged when it begins.
    if (message !== this.lastError)
      this.options.logger?.error({ error, retryInMs: this.backOffMs }, 'projections wait to try again');
    this.lastError = message;
    this.options.onChange?.();
    await this.waitToTryAgain();
  }

  private reached(): void {
    this.waiters.reached(this.position);
    this.options.onChange?.();
  }

  /** Waiting is useless until something changes. */
  private giveUp(): void {
    this.waiters.giveUp();
    this.options.onChange?.();
  }

  private async waitToTryAgain(): Promise<void> {
    await delay(this.backOffMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    this.backOffMs = Math.min(this.backOffMs * 2, maxBackOffMs);
  }
}
