import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { EVENT_STORE } from '../../commands/ports.js';
import type { EventStore, Position, RecordedEvent } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { type DomainEvent, decodeEvent } from '../../events/registry.js';
import { API_SETTINGS, type ApiSettings, type SseSettings } from '../api-settings.js';
import { LogFollower } from './log-follower.js';
import { RecentSeatChanges, type SeatChange } from './recent-seat-changes.js';
import { sseMessage } from './sse-message.js';

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
 * Live seat changes. One subscription feeds all clients of this process; changes of a schedule are gathered
 * for a moment, written as one message and shared by everybody who watches it.
 */
@Injectable()
export class SeatChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #settings: SseSettings;
  readonly #follower: LogFollower;
  readonly #recent: RecentSeatChanges;
  readonly #listeners = new Map<ScheduleId, Set<Listener>>();
  readonly #gathered = new Map<ScheduleId, Gathered>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(API_SETTINGS) { sse }: Pick<ApiSettings, 'sse'>,
  ) {
    this.#settings = sse;
    this.#recent = new RecentSeatChanges(sse.rememberedSeatChanges);
    this.#follower = new LogFollower(store, ['seat'], {
      started: (head) => this.#recent.begin(head ?? beforeFirst),
      follow: (events) => this.#gather(events),
    });
  }

  onApplicationBootstrap(): void {
    this.#follower.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#follower.stop();
  }

  /**
   * Sends a schedule's changes to the listener until the returned function is called.
   * @param after position the client knows everything up to: what it missed is sent at once, or `resync` when
   *   that is no longer remembered and the seat map must be loaded again. Undefined: only what happens now.
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

  #gather(events: readonly RecordedEvent[]): void {
    for (const recorded of events) {
      const change = toSeatChange(decodeEvent(recorded), recorded.position);
      if (!change) continue;
      this.#recent.add(change);
      const { scheduleId, seatId, status, position } = change;
      if (!this.#listeners.has(scheduleId)) continue;
      const gathered = this.#gathered.get(scheduleId) ?? { statuses: new Map(), position };
      gathered.statuses.set(seatId, status);
      gathered.position = position;
      this.#gathered.set(scheduleId, gathered);
    }
    if (this.#gathered.size > 0)
      this.#timer ??= setTimeout(() => this.#publish(), this.#settings.seatsEveryMs);
  }

  #publish(): void {
    this.#timer = undefined;
    for (const [scheduleId, gathered] of this.#gathered) {
      const message = seatsMessage(gathered);
      for (const listener of this.#listeners.get(scheduleId) ?? []) listener(message);
    }
    this.#gathered.clear();
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
