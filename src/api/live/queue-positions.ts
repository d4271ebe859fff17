import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { QueueToken } from '../../commands/queue/queue-admission.js';
import { LiveSubscription } from '../../event-store/live-subscription.js';
import { EventStore, type Position } from '../../event-store/port.js';
import type { Instant, PerformanceId } from '../../events/ids.js';
import { decodeEvent } from '../../events/registry.js';
import { Clock } from '../../platform/clock.js';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { reportTo } from '../../platform/logging.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { READ_POSITION, type ReadPosition } from '../read-position.js';
import { sseMessage } from './event-streams.js';
import type { Listener } from './seat-changes.js';

interface Watcher {
  readonly queueToken: QueueToken;
  readonly listener: Listener;
  /** The last message, so that only changes are sent. */
  last: string;
}

interface Line {
  readonly watchers: Set<Watcher>;
  /** Newest event of the queue that has not been looked at; undefined when there is none. */
  changedAt: Position | undefined;
  /** A look-up of all watchers is planned or running. */
  isBusy: boolean;
  /** The sale has ended while they were looked up. */
  isDueAgain: boolean;
  /** Looks all watchers up when the sale ends, which no event says; undefined when the end is not known or over. */
  saleEnd: { readonly endsAt: Instant; readonly timer: NodeJS.Timeout } | undefined;
}

/** Places looked up at the same time. */
const maxLookUps = 16;

/** The end of a sale that lies further ahead is planned again after this time, ms: timers of Node count 31 bits. */
const maxTimerMs = 24 * 3_600_000;

/**
 * Live places in the queues. An event of a performance's queue, or of the performance, and the end of its sale make the
 * places of its connected fans be looked up again, at most every `sse.positionEveryMs`; a place that has not changed is
 * not sent.
 */
@Injectable()
export class QueuePositions implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('QueuePositions');
  readonly #subscription: LiveSubscription;
  readonly #lines = new Map<PerformanceId, Line>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #lookUps = new ConcurrencyLimit(maxLookUps);
  /** Newest event followed, of any queue. */
  #newest: Position | undefined;
  #isClosing = false;

  constructor(
    store: EventStore,
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(READ_POSITION) private readonly readPosition: ReadPosition,
    @Inject(API_SETTINGS)
    private readonly settings: Pick<ApiSettings, 'sse' | 'waitForPositionTimeoutMs'>,
    private readonly clock: Clock,
  ) {
    const name = 'live places';
    const categories = ['queue', 'admission', 'token', 'performance', 'schedule'];
    this.#subscription = new LiveSubscription(
      store,
      { name, categories, log: reportTo(this.#logger) },
      {
        take: (recorded) => {
          this.#newest = recorded.position;
          const { data } = decodeEvent(recorded);
          if ('performanceId' in data) this.#changed(data.performanceId, recorded.position);
        },
      },
    );
  }

  onApplicationBootstrap(): void {
    void this.#subscription.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isClosing = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const line of this.#lines.values()) clearTimeout(line.saleEnd?.timer);
    await this.#subscription.stop();
  }

  /** Sends the fan's place at once and whenever it changes, until the returned function is called. */
  async subscribe(queueToken: QueueToken, listener: Listener): Promise<() => void> {
    const line = this.#lines.get(queueToken.performanceId) ?? {
      watchers: new Set(),
      changedAt: undefined,
      isBusy: false,
      isDueAgain: false,
      saleEnd: undefined,
    };
    const watcher = { queueToken, listener, last: '' };
    this.#lines.set(queueToken.performanceId, line);
    line.watchers.add(watcher);
    const readUpTo = this.readPosition.current();
    await this.#tell(watcher, line);
    // An event received before this queue had a watcher, and not yet in the read models, would otherwise be missed.
    if (this.#newest !== undefined && this.#newest > readUpTo)
      this.#changed(queueToken.performanceId, this.#newest);
    return () => {
      line.watchers.delete(watcher);
      if (line.watchers.size === 0 && !line.isBusy) this.#forget(queueToken.performanceId, line);
    };
  }

  #changed(performanceId: PerformanceId, position: Position): void {
    const line = this.#lines.get(performanceId);
    if (!line) return;
    line.changedAt = position;
    if (!line.isBusy) this.#plan(performanceId, line);
  }

  #plan(performanceId: PerformanceId, line: Line): void {
    if (this.#isClosing) return;
    line.isBusy = true;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#look(performanceId, line);
    }, this.settings.sse.positionEveryMs);
    this.#timers.add(timer);
  }

  async #look(performanceId: PerformanceId, line: Line): Promise<void> {
    const changedAt = line.changedAt;
    line.changedAt = undefined;
    line.isDueAgain = false;
    if (changedAt !== undefined) {
      // Without the wait a place may be one change behind, until the next event.
      await this.readPosition
        .waitFor(changedAt, this.settings.waitForPositionTimeoutMs)
        .catch((error: unknown) => this.#logger.warn(`places may be behind: ${String(error)}`));
    }
    const lookUps = [...line.watchers].map((watcher) =>
      this.#lookUps.run(async () => {
        if (line.watchers.has(watcher)) await this.#tell(watcher, line);
      }),
    );
    await Promise.all(lookUps);
    line.isBusy = false;
    if (line.watchers.size === 0) this.#forget(performanceId, line);
    else if (line.changedAt !== undefined || line.isDueAgain) this.#plan(performanceId, line);
  }

  #forget(performanceId: PerformanceId, line: Line): void {
    clearTimeout(line.saleEnd?.timer);
    line.saleEnd = undefined;
    if (this.#lines.get(performanceId) === line) this.#lines.delete(performanceId);
  }

  /** Plans to look all watchers up when the sale ends. */
  #planSaleEnd(performanceId: PerformanceId, line: Line, endsAt: Instant | null): void {
    if (line.saleEnd?.endsAt === endsAt || this.#isClosing) return;
    clearTimeout(line.saleEnd?.timer);
    line.saleEnd = undefined;
    const leftMs = endsAt === null ? 0 : Date.parse(endsAt) - this.clock.nowMs();
    if (endsAt === null || leftMs <= 0) return;
    const timer = setTimeout(
      () => {
        line.saleEnd = undefined;
        if (line.isBusy) line.isDueAgain = true;
        else this.#plan(performanceId, line);
      },
      Math.min(leftMs, maxTimerMs),
    );
    line.saleEnd = { endsAt, timer };
  }

  async #tell(watcher: Watcher, line: Line): Promise<void> {
    try {
      const status = await this.queries.queueToken(watcher.queueToken.tokenId);
      if (!status) return;
      if (line.watchers.has(watcher)) {
        this.#planSaleEnd(watcher.queueToken.performanceId, line, status.saleEndsAt);
      }
      const message = sseMessage('position', status);
      if (message === watcher.last) return;
      watcher.last = message;
      watcher.listener(message);
    } catch (error) {
      this.#logger.warn(`a place could not be looked up: ${String(error)}`);
    }
  }
}
