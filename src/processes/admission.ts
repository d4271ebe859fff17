import { processContext } from '../commands/command-context.js';
import { AdmitTokens, OpenQueue } from '../commands/queue/open-and-admit.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, Position } from '../event-store/port.js';
import type { PerformanceId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { allPages } from '../queries/paging.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/** How often performances on sale are listed again, as a safety net behind the subscription. */
const listIntervalMs = 30_000;

/** How long a queue that fails is left alone at most: its fans wait. */
const maxRetryMs = 5_000;

/**
 * Opens queues when their time comes and admits fans. It watches the performances whose queue has not opened or has
 * fans waiting; an event of any other queue makes it watch that one too.
 */
export class AdmissionProcess {
  /** Watched performances, each with the newest event seen of it. */
  readonly #watched = new Map<PerformanceId, Position | undefined>();
  readonly #admitting: PeriodicTask;
  readonly #listing: PeriodicTask;
  readonly #subscription: LiveSubscription;

  /** @param lease shared by all processes that admit, if there are several. */
  constructor(
    store: EventStore,
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'performancesOnSale'>,
    private readonly clock: Clock,
    log: ProcessLog,
    intervalMs: number,
    lease?: RoundLease,
  ) {
    const settings = { clock, log };
    this.#admitting = new PeriodicTask(
      { name: 'admission', intervalMs, lease, maxRetryMs, ...settings },
      () => this.#admit(),
    );
    // No lease: each process has its own list of what it watches.
    this.#listing = new PeriodicTask(
      { name: 'admission list', intervalMs: listIntervalMs, ...settings },
      (stopping) => this.#list(stopping),
    );
    const categories = ['queue', 'token', 'performance'];
    this.#subscription = new LiveSubscription(
      store,
      { name: 'admission', categories, log },
      {
        take: (recorded) => {
          const event = decodeEvent(recorded);
          if ('performanceId' in event.data) this.#watched.set(event.data.performanceId, recorded.position);
        },
      },
    );
  }

  start(): void {
    void this.#subscription.start();
    this.#listing.start();
    this.#admitting.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#admitting, this.#listing, this.#subscription];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#subscription.stop(), this.#listing.stop(), this.#admitting.stop()]);
  }

  async #list(stopping: AbortSignal): Promise<void> {
    const onSale = allPages<PerformanceId>((after, limit) =>
      this.queries.performancesOnSale(this.clock.now(), after, limit),
    );
    for await (const page of onSale) {
      if (stopping.aborted) return;
      for (const performanceId of page) {
        if (!this.#watched.has(performanceId)) this.#watched.set(performanceId, undefined);
      }
    }
  }

  #admit(): Promise<void> {
    return this.#admitting.forEach(
      [...this.#watched],
      ([performanceId]) => performanceId,
      async ([performanceId, seen]) => {
        const isDone = await this.#serve(performanceId, seen);
        // An event that came meanwhile keeps it watched.
        if (isDone && this.#watched.get(performanceId) === seen) this.#watched.delete(performanceId);
      },
    );
  }

  /** Opens the queue if it is time and admits fans. @returns whether the queue is open and no fan waits. */
  async #serve(performanceId: PerformanceId, seen: Position | undefined): Promise<boolean> {
    const context = processContext('admission');
    const { isOpen } = await this.commands.execute(new OpenQueue(performanceId, context));
    if (!isOpen) return false;
    const { isAnyoneWaiting } = await this.commands.execute(new AdmitTokens(performanceId, seen, context));
    return !isAnyoneWaiting;
  }
}
