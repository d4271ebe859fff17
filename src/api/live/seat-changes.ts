import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { BoardFeeds } from '../../boards/board-feeds.js';
import type { SeatChange } from '../../boards/recent-seat-changes.js';
import { SeatBoards } from '../../boards/seat-boards.js';
import type { Position } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { inSlices } from '../../platform/time-slices.js';
import type { SeatStatus } from '../../queries/replies/catalog.js';
import { API_SETTINGS, type ApiSettings, type SseSettings } from '../api-settings.js';
import { sseMessage, type WireMessage } from './event-streams.js';

/** Takes a message of the stream, ready for the wire. */
export type Listener = (message: WireMessage) => void;

/** A client that missed changes of more seats than this loads the seat map again. */
const maxReplayedSeats = 2_000;

interface Gathered {
  readonly statuses: Map<SeatId, Exclude<SeatStatus, 'not-for-sale'>>;
  position: Position;
}

/**
 * Live seat changes: those of a schedule are collected for `sse.seatsEveryMs` and sent to all its watchers as one message.
 */
@Injectable()
export class SeatChanges implements BeforeApplicationShutdown {
  readonly #logger = new Logger('SeatChanges');
  readonly #settings: SseSettings;
  readonly #listeners = new Map<ScheduleId, Set<Listener>>();
  readonly #gathered = new Map<ScheduleId, Gathered>();
  #timer: NodeJS.Timeout | undefined;
  #isPublishing = false;
  #isClosing = false;

  constructor(
    private readonly boards: SeatBoards,
    feeds: BoardFeeds,
    @Inject(API_SETTINGS) { sse }: Pick<ApiSettings, 'sse'>,
  ) {
    this.#settings = sse;
    feeds.add({ seatChanged: (change) => this.#changed(change) });
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    clearTimeout(this.#timer);
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
    const changes = this.boards.recentChanges(scheduleId, after);
    const statuses: Gathered['statuses'] = new Map();
    for (const { seatId, taken } of changes ?? []) statuses.set(seatId, taken?.status ?? 'free');
    if (!changes || statuses.size > maxReplayedSeats) return sseMessage('resync', {});
    const last = changes.at(-1);
    return last && seatsMessage({ statuses, position: last.position });
  }

  #changed({ scheduleId, seatId, taken, position }: SeatChange): void {
    if (!this.#listeners.has(scheduleId)) return;
    const gathered = this.#gathered.get(scheduleId) ?? { statuses: new Map(), position };
    gathered.statuses.set(seatId, taken?.status ?? 'free');
    gathered.position = position;
    this.#gathered.set(scheduleId, gathered);
    this.#plan();
  }

  #plan(): void {
    // Changes that come while the ones before are written are gathered: messages stay in order and cannot pile up.
    if (this.#isPublishing || this.#isClosing) return;
    this.#timer ??= setTimeout(() => void this.#publish(), this.#settings.seatsEveryMs);
  }

  async #publish(): Promise<void> {
    this.#timer = undefined;
    this.#isPublishing = true;
    const gathered = [...this.#gathered];
    this.#gathered.clear();
    for (const [scheduleId, changes] of gathered) {
      const message = Buffer.from(seatsMessage(changes));
      const listeners = [...(this.#listeners.get(scheduleId) ?? [])];
      await inSlices(listeners, (listener) => this.#tell(listener, message));
    }
    this.#isPublishing = false;
    if (this.#gathered.size > 0) this.#plan();
  }

  /** A client that cannot be written to must not keep the message from the others. */
  #tell(listener: Listener, message: WireMessage): void {
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
