import { once } from 'node:events';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { EventStore, Position, Subscription, SubscriptionBatch } from '../../event-store/port.js';
import type { Instant } from '../../events/ids.js';
import { type Clock, systemClock } from '../../platform/clock.js';
import { type ActiveProjection, applyBatch, CheckpointMoved, ProjectionFailure } from './apply-batch.js';
import { beforeFirst, loadCheckpoint } from './checkpoints.js';
import type { Dialect } from './dialect.js';
import { PositionWaiters } from './position-waiters.js';
import type { ProjectedEvent, Projection } from './projection.js';
import { RowCache } from './row-batch.js';
import type { Parked, RunnerStatus } from './runner-status.js';

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
  readonly dialect: Dialect;
  readonly projections: readonly Projection[];
  /** Most events of one transaction; default the dialect's. The event loop gets a turn after each. */
  readonly batchSize?: number;
  /** Appended to every table's name: a rebuild works beside the live tables. Default none. */
  readonly suffix?: string;
  readonly clock?: Clock;
  readonly logger?: { error(details: object, message: string): void };
  /** Called after each commit; must not throw. */
  readonly onApplied?: (applied: AppliedBatch) => void;
}

interface Entry extends ActiveProjection {
  parked: Parked | null;
}

/** How far the read models may lag on purpose while nobody waits for them. */
const gatherMs = 10;
const firstBackOffMs = 100;
const maxBackOffMs = 5_000;

/**
 * Feeds the log to projections: one subscription, one transaction per batch for all rows and checkpoints.
 * A database or store failure is retried with back-off for as long as it lasts; an event a projection cannot
 * apply parks that projection and leaves the others running.
 */
export class ProjectionRunner {
  private readonly entries: Entry[];
  private readonly clock: Clock;
  private readonly waiters = new PositionWaiters();
  private readonly stopping = new AbortController();
  private subscription: Subscription | undefined;
  private loop: Promise<void> | undefined;
  private lastError: string | null = null;
  private appliedAt: Instant | null = null;
  private caughtUp = false;
  private backOffMs = firstBackOffMs;

  constructor(private readonly options: RunnerOptions) {
    const suffix = options.suffix ?? '';
    this.clock = options.clock ?? systemClock;
    this.entries = options.projections.map((projection) => ({
      projection,
      suffix,
      cache: new RowCache(),
      position: beforeFirst,
      parked: null,
    }));
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
    this.waiters.giveUp();
  }

  /** Where every projection has arrived; -1 before the first event. */
  get position(): number {
    return Math.min(...this.entries.map((entry) => entry.position));
  }

  /**
   * Waits until every projection has applied `position`: read your own writes.
   * @returns false when that did not happen in `timeoutMs`, or cannot because a projection is parked.
   */
  async waitFor(position: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<boolean> {
    if (this.position >= position) return true;
    if (this.stopping.signal.aborted || this.entries.some((entry) => entry.parked)) return false;
    return this.waiters.wait(position, options);
  }

  /** How the projections are doing; asks the store for its head. */
  async status(): Promise<RunnerStatus> {
    const headPosition = (await this.options.store.head()) ?? beforeFirst;
    const parked = this.entries.some((entry) => entry.parked);
    const running = this.loop !== undefined && !this.stopping.signal.aborted;
    return {
      running,
      headPosition,
      position: this.position,
      ready: running && this.caughtUp && !parked && this.lastError === null,
      lastError: this.lastError,
      appliedAt: this.appliedAt,
      projections: this.entries.map(({ projection, position, parked }) => ({
        name: projection.name,
        version: projection.version,
        position,
        parked,
      })),
    };
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.follow();
      } catch (error) {
        if (error instanceof CheckpointMoved) continue;
        if (error instanceof ProjectionFailure) this.park(error);
        else await this.backOff(error);
      }
    }
  }

  /** One life of the subscription, from the checkpoints as they are in the database. */
  private async follow(): Promise<void> {
    await this.loadCheckpoints();
    const active = this.entries.filter((entry) => !entry.parked);
    // With everything parked there is nothing to follow: wait to be stopped.
    if (active.length === 0 && !this.stopping.signal.aborted) await once(this.stopping.signal, 'abort');
    if (this.stopping.signal.aborted) return;
    const from = Math.min(...active.map((entry) => entry.position));
    // An earlier life or another runner may already have applied everything.
    const head = (await this.options.store.head()) ?? beforeFirst;
    if (from >= head) {
      this.caughtUp = true;
      this.lastError = null;
    }
    this.waiters.reached(this.position);
    if (this.stopping.signal.aborted) return;
    const subscription = this.options.store.subscribe(
      {
        // Checkpoints hold positions the store gave us.
        after: from === beforeFirst ? 'start' : (from as Position),
        batchSize: this.options.batchSize ?? this.options.dialect.batchSize,
      },
      (batch) => this.apply(active, batch),
    );
    this.subscription = subscription;
    await subscription.done;
  }

  private async loadCheckpoints(): Promise<void> {
    const { dialect, dataSource } = this.options;
    await dialect.withSession(dataSource, async (session) => {
      for (const entry of this.entries) {
        entry.cache.clear();
        const { projection, suffix } = entry;
        const checkpoint = await loadCheckpoint(session, projection, suffix, this.clock.now());
        entry.position = checkpoint.position;
        if (checkpoint.version === projection.version || entry.parked) continue;
        const error = `tables of ${projection.name} were built by version ${checkpoint.version}, this is version ${projection.version}: rebuild them`;
        entry.parked = { error, event: null };
        this.options.logger?.error({ projection: projection.name }, error);
      }
    });
  }

  private async apply(active: readonly Entry[], batch: SubscriptionBatch): Promise<void> {
    const { dialect, dataSource, onApplied } = this.options;
    const events = await dialect.withSession(dataSource, (session) =>
      applyBatch(session, active, batch, this.clock.now()),
    );
    this.backOffMs = firstBackOffMs;
    this.lastError = null;
    this.appliedAt = this.clock.now();
    this.caughtUp = batch.caughtUp;
    this.waiters.reached(this.position);
    onApplied?.({ position: batch.position, events, caughtUp: batch.caughtUp });
    // The HTTP server shares this thread: it gets a turn, and when nothing is pressing, time in which events
    // gather, since a batch costs more than an event.
    if (batch.caughtUp) await this.waiters.idle(gatherMs);
    else await nextTurn();
  }

  private park({ active, event, message }: ProjectionFailure): void {
    const where = event && {
      type: event.type,
      stream: event.stream,
      revision: event.revision,
      position: event.position,
    };
    for (const entry of this.entries) {
      if (entry === active) entry.parked = { error: message, event: where };
    }
    this.options.logger?.error({ projection: active.projection.name, event: where }, message);
    this.waiters.giveUp();
  }

  private async backOff(error: unknown): Promise<void> {
    this.lastError = error instanceof Error ? error.message : String(error);
    this.options.logger?.error({ error, retryInMs: this.backOffMs }, 'projections wait to try again');
    await delay(this.backOffMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    this.backOffMs = Math.min(this.backOffMs * 2, maxBackOffMs);
  }
}
