import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { LiveSubscription } from '../../event-store/live-subscription.js';
import { EventStore, type Position, type RecordedEvent } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { type DomainEvent, decodeEvent } from '../../events/registry.js';
import { reportTo } from '../../platform/logging.js';
import type { SeatStatus } from '../../queries/replies/catalog.js';
import { API_SETTINGS, type ApiSettings, type SseSettings } from '../api-settings.js';
import { sseMessage } from './event-streams.js';

/** Takes a message of the stream, ready for the wire. */
export type Listener = (message: string) => void;

/** Before any position a store gives. */
const beforeFirst = -1;
/** A client that missed changes of more seats than this loads the seat map again. */
const maxReplayedSeats = 2_000;

interface Gathered {
  readonly statuses: Map<SeatId, SeatChange['status']>;
  position: Position;
}

/**
 * Live seat changes. One subscription serves all clients of this process; changes of a schedule are collected for
 * `sse.seatsEveryMs` and sent to all its watchers as one message.
 */
@Injectable()
export class SeatChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('SeatChanges');
  readonly #settings: SseSettings;
  readonly #subscription: LiveSubscription;
  readonly #recent: RecentSeatChanges;
  readonly #listeners = new Map<ScheduleId, Set<Listener>>();
  readonly #gathered = new Map<ScheduleId, Gathered>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: EventStore, @Inject(API_SETTINGS) { sse }: Pick<ApiSettings, 'sse'>) {
    this.#settings = sse;
    this.#recent = new RecentSeatChanges(sse.rememberedSeatChanges);
    const name = 'live seat changes';
    this.#subscription = new LiveSubscription(
      store,
      { name, categories: ['seat'], log: reportTo(this.#logger) },
      {
        started: (head) => this.#recent.begin(head ?? beforeFirst),
        take: (event) => this.#gather(event),
      },
    );
  }

  onApplicationBootstrap(): void {
    void this.#subscription.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#subscription.stop();
  }

  /**
   * Sends a schedule's changes to the listener until the returned function is called.
   * @param after position up to which the client has all changes: those it missed are sent at once, or `resync` when they
   *   are no longer remembered and the seat map must be loaded again. Undefined: only new changes.
   */
  subscribe(scheduleId: ScheduleId, after: Position | undefined, listener: Listener): () => void {
    if (after !== undefined) {
      const missed = this.#missed(scheduleId, after);
      if (missed !== undefined) listener(missed);
    }
    const listeners = this.#listeners.get(scheduleId) ?? new Set();
    this.#listeners.set(scheduleId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(scheduleId) === listeners) {
        this.#listeners.delete(scheduleId);
      }
    };
  }

  #missed(scheduleId: ScheduleId, after: Position): string | undefined {
    const changes = this.#recent.since(scheduleId, after);
    const statuses = new Map(changes?.map(({ seatId, status }) => [seatId, status]));
    if (!changes || statuses.size > maxReplayedSeats) return sseMessage('resync', {});
    const last = changes.at(-1);
    return last && seatsMessage({ statuses, position: last.position });
  }

  #gather(recorded: RecordedEvent): void {
    const change = toSeatChange(decodeEvent(recorded), recorded.position);
    if (!change) return;
    this.#recent.add(change);
    const { scheduleId, seatId, status, position } = change;
    if (!this.#listeners.has(scheduleId)) return;
    const gathered = this.#gathered.get(scheduleId) ?? { statuses: new Map(), position };
    gathered.statuses.set(seatId, status);
    gathered.position = position;
    this.#gathered.set(scheduleId, gathered);
    this.#timer ??= setTimeout(() => this.#publish(), this.#settings.seatsEveryMs);
  }

  #publish(): void {
    this.#timer = undefined;
    const gathered = [...this.#gathered];
    this.#gathered.clear();
    for (const [scheduleId, changes] of gathered) {
      const message = seatsMessage(changes);
      for (const listener of this.#listeners.get(scheduleId) ?? []) this.#tell(listener, message);
    }
  }

  /** A client that cannot be written to must not keep the message from the others. */
  #tell(listener: Listener, message: string): void {
    try {
      listener(message);
    } catch (error) {
      this.#logger.warn(`seat changes could not be sent: ${String(error)}`);
    }
  }
}

function seatsMessage({ statuses, position }: Readonly<Gathered>): string {
  const seats = [...statuses].map(([seatId, status]) => ({ seatId, status }));
  return sseMessage('seats', { position, seats }, position);
}

function toSeatChange({ type, data }: DomainEvent, position: Position): SeatChange | undefined {
  switch (type) {
    case 'SeatHeld':
      return { scheduleId: data.scheduleId, seatId: data.seatId, status: 'held', position };
    case 'SeatReserved':
      return { scheduleId: data.scheduleId, seatId: data.seatId, status: 'reserved', position };
    case 'SeatHoldReleased':
    case 'SeatHoldExpired':
    case 'SeatReservationCancelled':
      return { scheduleId: data.scheduleId, seatId: data.seatId, status: 'free', position };
    default:
      return undefined;
  }
}

interface SeatChange {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly status: Exclude<SeatStatus, 'not-for-sale'>;
  readonly position: Position;
}

/** The last seat changes of all schedules, for clients that reconnect. */
class RecentSeatChanges {
  readonly #ring: (SeatChange | undefined)[];
  #next = 0;
  /** Every change after this position is still here. */
  #completeAfter: number | undefined;

  constructor(private readonly capacity: number) {
    this.#ring = new Array<SeatChange | undefined>(capacity);
  }

  /** From this position on changes are recorded. */
  begin(position: number): void {
    this.#completeAfter = position;
  }

  add(change: SeatChange): void {
    const slot = this.#next % this.capacity;
    const dropped = this.#ring[slot];
    if (dropped) this.#completeAfter = dropped.position;
    this.#ring[slot] = change;
    this.#next++;
  }

  /** A schedule's changes after a position, oldest first; undefined when some of them are forgotten. */
  since(scheduleId: ScheduleId, after: Position): SeatChange[] | undefined {
    if (this.#completeAfter === undefined || after < this.#completeAfter) return undefined;
    const found: SeatChange[] = [];
    // Backwards from the newest, so that a client that was away briefly costs little.
    for (let back = 1; back <= Math.min(this.capacity, this.#next); back++) {
      const change = this.#ring[(this.#next - back) % this.capacity];
      if (!change || change.position <= after) break;
      if (change.scheduleId === scheduleId) found.push(change);
    }
    return found.reverse();
  }
}
