import { processContext } from '../commands/command-context.js';
import { AdmitTokens, OpenQueue } from '../commands/queue/open-and-admit.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, RecordedEvent } from '../event-store/port.js';
import { addMs, type PerformanceId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import { ConcurrencyLimit } from '../platform/concurrency-limit.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { allPages } from '../queries/paging.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/**
 * How often the queues with something to do are listed, as a safety net behind the subscription; also the longest pause
 * of a queue in which nothing can be done.
 */
const listIntervalMs = 30_000;

/** Queues that open later than this are not watched: they are listed again before. */
const openingHorizonMs = 2 * listIntervalMs;

/** The longest time for which a watched queue is believed to open when it was last found to. */
const openingAgeMs = 5_000;

/** How long a queue that fails is left alone at most: its fans wait. */
const maxRetryMs = 5_000;

/** Queues served at the same time, and those opened: neither keeps the other waiting. */
const servedAtOnce = 16;
const openedAtOnce = 8;

/** A queue with somebody waiting or an opening due. */
interface WatchedQueue {
  /** Open, as far as this process knows; it then admits. */
  isOpen: boolean;
  /** Not looked at before this moment of the clock, ms. */
  dueAtMs: number;
  /** The pause before the next look, when nothing could be done at the last one: doubled each time, ms. */
  pauseMs: number;
  /** Whether it is being looked at. */
  isBusy: boolean;
  /** Events seen of it. */
  changes: number;
}

/** When a queue is looked at again: at a moment of the clock, ms; after a pause; or not before one of its events. */
type NextLook = number | 'later' | 'unwatch';

/**
 * Opens queues when their time comes and admits fans. It watches the queues in which somebody waits and those to be
 * opened soon: what it costs does not depend on how many performances are on sale.
 *
 * A queue in which nothing can be done is looked at less and less often, until one of its events. Queues are served
 * independently: one that is slow or fails holds up no other.
 */
export class AdmissionProcess {
  readonly #watched = new Map<PerformanceId, WatchedQueue>();
  readonly #serving = new Set<Promise<void>>();
  readonly #admissions = new ConcurrencyLimit(servedAtOnce);
  readonly #openings = new ConcurrencyLimit(openedAtOnce);
  readonly #rounds: PeriodicTask;
  readonly #listing: PeriodicTask;
  readonly #subscription: LiveSubscription;
  #isStopped = false;

  /**
   * @param intervalMs pause between two looks at a queue in which something can be done.
   * @param lease shared by all processes that admit, if there are several.
   */
  constructor(
    store: EventStore,
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'queuesToServe'>,
    private readonly clock: Clock,
    log: ProcessLog,
    private readonly intervalMs: number,
    lease?: RoundLease,
  ) {
    const settings = { clock, log };
    this.#rounds = new PeriodicTask(
      { name: 'admission', intervalMs, lease, maxRetryMs, ...settings },
      async () => this.#serveDue(),
    );
    // No lease: each process has its own list of what it watches.
    this.#listing = new PeriodicTask(
      { name: 'admission list', intervalMs: listIntervalMs, ...settings },
      (stopping) => this.#list(stopping),
    );
    this.#subscription = new LiveSubscription(
      store,
      { name: 'admission', categories: ['queue', 'token', 'performance', 'schedule'], log },
      { take: (recorded) => this.#take(recorded) },
    );
  }

  start(): void {
    void this.#subscription.start();
    this.#listing.start();
    this.#rounds.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#rounds, this.#listing, this.#subscription];
  }

  /** Begins nothing more; resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#subscription.stop(), this.#listing.stop(), this.#rounds.stop()]);
    await Promise.all(this.#serving);
  }

  #take(recorded: RecordedEvent): void {
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'TokenIssued':
      case 'PerformancePublished':
        this.#changed(event.data.performanceId, 'watch');
        break;
      case 'TokenCompleted':
      case 'TokenExpired':
      case 'TokenLeft':
      case 'SeatsReturned':
      case 'SchedulePublished':
        this.#changed(event.data.performanceId, 'if-watched');
        break;
      default: // the other events neither make somebody wait nor make room or seats free
    }
  }

  async #list(stopping: AbortSignal): Promise<void> {
    const now = this.clock.now();
    const due = { now, opensBefore: addMs(now, openingHorizonMs) };
    const queues = allPages<PerformanceId>((after, limit) => this.queries.queuesToServe(due, after, limit));
    for await (const page of queues) {
      if (stopping.aborted) return;
      for (const performanceId of page) {
        if (!this.#watched.has(performanceId)) this.#changed(performanceId, 'watch');
      }
    }
  }

  /** Something happened in a queue: it is looked at in the next round. */
  #changed(performanceId: PerformanceId, how: 'watch' | 'if-watched'): void {
    let queue = this.#watched.get(performanceId);
    if (!queue) {
      if (how === 'if-watched') return;
      queue = { isOpen: false, dueAtMs: 0, pauseMs: 0, isBusy: false, changes: 0 };
      this.#watched.set(performanceId, queue);
    }
    queue.changes++;
    queue.pauseMs = 0;
    queue.dueAtMs = 0;
  }

  #serveDue(): void {
    const nowMs = this.clock.nowMs();
    for (const [performanceId, queue] of this.#watched) {
      if (queue.isBusy || queue.dueAtMs > nowMs || !this.#rounds.items.isDue(performanceId)) continue;
      queue.isBusy = true;
      const lane = queue.isOpen ? this.#admissions : this.#openings;
      const serving = lane
        .run(() => this.#look(performanceId, queue))
        .finally(() => {
          queue.isBusy = false;
          this.#serving.delete(serving);
        });
      this.#serving.add(serving);
    }
  }

  /** Looks at one queue and decides when it is looked at again, if at all. Never fails. */
  async #look(performanceId: PerformanceId, queue: WatchedQueue): Promise<void> {
    if (this.#isStopped) return;
    const { changes } = queue;
    let next: NextLook;
    try {
      next = queue.isOpen ? await this.#admit(performanceId) : await this.#open(performanceId, queue);
      this.#rounds.items.worked(performanceId);
    } catch (error) {
      this.#rounds.items.failed(performanceId, error);
      return;
    }
    // An event came meanwhile: the queue is due.
    if (queue.changes !== changes) return;
    if (next === 'unwatch') this.#watched.delete(performanceId);
    else if (next === 'later') {
      queue.pauseMs = Math.min(Math.max(queue.pauseMs * 2, this.intervalMs), listIntervalMs);
      queue.dueAtMs = this.clock.nowMs() + queue.pauseMs;
    } else {
      queue.pauseMs = 0;
      queue.dueAtMs = next;
    }
  }

  async #open(performanceId: PerformanceId, queue: WatchedQueue): Promise<NextLook> {
    const context = processContext('admission');
    const opening = await this.commands.execute(new OpenQueue(performanceId, context));
    if (opening.isOpen) {
      queue.isOpen = true;
      return this.#admit(performanceId);
    }
    const nowMs = this.clock.nowMs();
    const opensAtMs = opening.opensAt === null ? nowMs : Date.parse(opening.opensAt);
    return opensAtMs - nowMs > openingHorizonMs ? 'unwatch' : Math.min(opensAtMs, nowMs + openingAgeMs);
  }

  async #admit(performanceId: PerformanceId): Promise<NextLook> {
    const context = processContext('admission');
    const result = await this.commands.execute(new AdmitTokens(performanceId, context));
    if (!result.isAnyoneWaiting) return 'unwatch';
    return result.nextAt === undefined ? 'later' : Date.parse(result.nextAt);
  }
}
