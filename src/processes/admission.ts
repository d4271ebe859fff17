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

/** For how long a watched queue's opening time is used before it is read again. */
const openingAgeMs = 5_000;

/** The longest pause before a failing queue is tried again: its fans wait meanwhile. */
const maxRetryMs = 5_000;

/** Queues served at the same time, and queues opened at the same time: two limits, so that neither delays the other. */
const servedAtOnce = 16;
const openedAtOnce = 8;

/** A queue with waiting fans, or one that opens soon. */
interface WatchedQueue {
  /** Open, as far as this process knows; it then admits. */
  isOpen: boolean;
  /** It is not served before this moment of the clock, ms. */
  dueAtMs: number;
  /** The pause before it is served again if nothing could be done the last time: doubled each time, ms. */
  pauseMs: number;
  /** Whether it is being served now. */
  isBusy: boolean;
  /** Number of its events that this process has seen. */
  changes: number;
}

/** When a queue is served again: at a moment of the clock, ms; after a pause; or not before one of its events. */
type NextLook = number | 'later' | 'unwatch';

/**
 * Opens queues at their opening time and admits fans. It watches only queues with waiting fans and queues that open
 * soon, so its cost does not depend on how many performances are on sale.
 *
 * A queue in which nothing can be done is served less and less often, until one of its events arrives. Queues are
 * independent: one that is slow or fails does not delay the others.
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
   * @param intervalMs pause before a queue in which something can be done is served again.
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

  /** Starts no more work; resolves when the work in progress has ended. */
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
      default: // no other event adds a waiting fan, makes room or frees seats
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

  /** Something happened in a queue: it is served in the next round. */
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

  /** Serves one queue and decides when it is served again, if at all. Never fails. */
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
    // An event arrived in the meantime, so the queue is due.
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
