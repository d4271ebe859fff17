import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, Position, RecordedEvent } from '../event-store/port.js';
import { type DomainEvent, decodeEvent } from '../events/registry.js';
import { returnMoment } from '../events/seat-events.js';
import { categoryOf } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { BoardComparison } from '../queries/replies/boards.js';
import type { QueueBoards } from './queue-boards.js';
import type { SeatChange } from './recent-seat-changes.js';
import type { SeatBoards } from './seat-boards.js';

/** Passes on to clients what happens. Each is called after the boards have taken it in. */
export interface BoardListener {
  seatChanged?(change: SeatChange): void;
  /** An event of a queue, its admissions or a token. */
  queueEvent?(event: DomainEvent, position: Position): void;
  /** An event of a queue could not be read: what is known of any queue may be out of date. */
  queueEventsMissed?(): void;
}

/**
 * Follows the log for the boards of this process: one subscription for seats and the catalog, one for queues and tokens,
 * however many clients look. An event that cannot be read makes the boards start anew from the tables.
 */
export class BoardFeeds {
  readonly #subscriptions: readonly LiveSubscription[];
  readonly #listeners: BoardListener[] = [];

  constructor(
    store: Pick<EventStore, 'head' | 'subscribe'>,
    private readonly seats: SeatBoards,
    private readonly queues: QueueBoards,
    log: ProcessLog,
  ) {
    const seatCategories = ['seat', 'venue', 'performance', 'schedule'];
    const queueCategories = ['queue', 'admission', 'token'];
    this.#subscriptions = [
      new LiveSubscription(
        store,
        { name: 'live seat changes', categories: seatCategories, log },
        {
          started: (head) => {
            seats.begin(head);
            queues.begin('seats', head);
          },
          take: (recorded) => this.#takeSeatOrCatalog(recorded),
          taken: async ({ position }) => {
            seats.followed(position);
            queues.followed('seats', position);
          },
        },
      ),
      new LiveSubscription(
        store,
        { name: 'live places', categories: queueCategories, log },
        {
          started: (head) => queues.begin('queues', head),
          take: (recorded) => this.#takeQueue(recorded),
          taken: async ({ position }) => queues.followed('queues', position),
        },
      ),
    ];
  }

  /** Listeners must not throw. */
  add(listener: BoardListener): void {
    this.#listeners.push(listener);
  }

  /** Resolves when it is known after which event the log is followed. */
  async start(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
  }

  /** Compares everything in memory with the tables; see {@link compareBoard}. */
  async compare(clock: Pick<Clock, 'nowMs'>): Promise<BoardComparison[]> {
    return [...(await this.seats.compare(() => clock.nowMs())), ...(await this.queues.compare())];
  }

  /** Called by Nest when the application has started. */
  onApplicationBootstrap(): void {
    void this.start();
  }

  /** Called by Nest before the application closes. */
  beforeApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  #takeSeatOrCatalog(recorded: RecordedEvent): void {
    const { position } = recorded;
    try {
      const event = decodeEvent(recorded);
      if (categoryOf(recorded.stream) !== 'seat') {
        this.seats.catalogChanged(event, position);
        this.queues.catalogChanged(position);
      }
      const change = toSeatChange(event, position);
      if (!change) return;
      this.seats.changed(change);
      this.queues.seatChanged(change.scheduleId, position);
      for (const listener of this.#listeners) listener.seatChanged?.(change);
    } catch (error) {
      this.seats.missed(position);
      this.queues.missed(position);
      throw error;
    }
  }

  #takeQueue(recorded: RecordedEvent): void {
    const { position, revision } = recorded;
    try {
      const event = decodeEvent(recorded);
      this.queues.take(event, revision, position);
      for (const listener of this.#listeners) listener.queueEvent?.(event, position);
    } catch (error) {
      this.queues.missed(position);
      for (const listener of this.#listeners) listener.queueEventsMissed?.();
      throw error;
    }
  }
}

function toSeatChange({ type, data }: DomainEvent, position: Position): SeatChange | undefined {
  switch (type) {
    case 'SeatHeld': {
      const { scheduleId, seatId, expiresAt, returnDelayMs = 0 } = data;
      const untilMs = Date.parse(returnMoment(expiresAt, returnDelayMs) ?? expiresAt);
      return { scheduleId, seatId, taken: { status: 'held', untilMs }, position };
    }
    case 'SeatReserved':
      return { scheduleId: data.scheduleId, seatId: data.seatId, taken: { status: 'reserved' }, position };
    case 'SeatHoldReleased':
    case 'SeatHoldExpired':
    case 'SeatReservationCancelled': {
      const { scheduleId, seatId, availableFrom } = data;
      if (availableFrom === undefined) return { scheduleId, seatId, taken: undefined, position };
      const untilMs = Date.parse(availableFrom);
      return { scheduleId, seatId, taken: { status: 'held', untilMs, isReturning: true }, position };
    }
    default:
      return undefined;
  }
}
