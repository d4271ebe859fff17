import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { BoardFeeds } from '../../boards/board-feeds.js';
import type { SeatChange } from '../../boards/recent-seat-changes.js';
import { SeatBoards } from '../../boards/seat-boards.js';
import type { Position } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { Clock } from '../../platform/clock.js';
import { inSlices } from '../../platform/time-slices.js';
import type { SeatStatus } from '../../queries/replies/catalog.js';
import { API_SETTINGS, type ApiSettings, type SseSettings } from '../api-settings.js';
import { sseMessage, type WireMessage } from './event-streams.js';

/** Takes a message of the stream, ready for the wire. */
export type Listener = (message: WireMessage) => void;

/** A client that missed changes of more seats than this loads the seat map again. */
const maxReplayedSeats = 2_000;

/** Seats of a watched date that come back later, and when; ms since 1970. */
interface Returning {
  readonly seats: Map<SeatId, number>;
  timer: NodeJS.Timeout | undefined;
  timerAtMs: number;
}

/** Clients that were away for longer are not told which seats have come back meanwhile, unless an event says so. */
const rememberedReturnsMs = 600_000;

interface Gathered {
  readonly statuses: Map<SeatId, Exclude<SeatStatus, 'not-for-sale'>>;
  position: Position;
}

/**
 * Live seat changes: those of a schedule are collected for `sse.seatsEveryMs` and sent to all its watchers as one message.
 * A seat that was given back and comes on sale later is told as held, and as free at that moment, which no event tells.
 */
@Injectable()
export class SeatChanges implements BeforeApplicationShutdown {
  readonly #logger = new Logger('SeatChanges');
  readonly #settings: SseSettings;
  readonly #listeners = new Map<ScheduleId, Set<Listener>>();
  readonly #gathered = new Map<ScheduleId, Gathered>();
  /** Of dates that are watched. */
  readonly #returning = new Map<ScheduleId, Returning>();
  #timer: NodeJS.Timeout | undefined;
  #isPublishing = false;
  #isClosing = false;

  constructor(
    private readonly boards: SeatBoards,
    feeds: BoardFeeds,
    @Inject(Clock) private readonly clock: Pick<Clock, 'nowMs'>,
    @Inject(API_SETTINGS) { sse }: Pick<ApiSettings, 'sse'>,
  ) {
    this.#settings = sse;
    feeds.add({ seatChanged: (change) => this.#changed(change) });
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    for (const { timer } of this.#returning.values()) clearTimeout(timer);
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
    const known = this.#listeners.get(scheduleId);
    const listeners = known ?? new Set();
    this.#listeners.set(scheduleId, listeners.add(listener));
    if (!known) this.#returning.set(scheduleId, { seats: new Map(), timer: undefined, timerAtMs: Infinity });
    void this.#tellReturns(scheduleId, listener, { isFirst: !known, hasMissed: after !== undefined });
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(scheduleId) === listeners) {
        this.#listeners.delete(scheduleId);
        clearTimeout(this.#returning.get(scheduleId)?.timer);
        this.#returning.delete(scheduleId);
      }
    };
  }

  #missed(scheduleId: ScheduleId, after: Position): string | undefined {
    const changes = this.boards.recentChanges(scheduleId, after);
    const statuses: Gathered['statuses'] = new Map();
    const nowMs = this.clock.nowMs();
    for (const { seatId, taken } of changes ?? []) statuses.set(seatId, shownAs(taken, nowMs));
    if (!changes || statuses.size > maxReplayedSeats) return sseMessage('resync', {});
    const last = changes.at(-1);
    return last && seatsMessage({ statuses, position: last.position });
  }

  #changed({ scheduleId, seatId, taken, position }: SeatChange): void {
    if (!this.#listeners.has(scheduleId)) return;
    const gathered = this.#gathered.get(scheduleId) ?? { statuses: new Map(), position };
    gathered.statuses.set(seatId, shownAs(taken, this.clock.nowMs()));
    gathered.position = position;
    this.#gathered.set(scheduleId, gathered);
    this.#plan();
    const returning = this.#returning.get(scheduleId);
    if (!returning) return;
    if (taken?.status !== 'held' || !taken.isReturning) returning.seats.delete(seatId);
    else this.#willReturn(scheduleId, returning, seatId, taken.untilMs);
  }

  /**
   * Seats may be coming back already when the first client of a date comes; and have come back while a client was away, of
   * which no event tells.
   */
  async #tellReturns(
    scheduleId: ScheduleId,
    listener: Listener,
    { isFirst, hasMissed }: { readonly isFirst: boolean; readonly hasMissed: boolean },
  ): Promise<void> {
    if (!isFirst && !hasMissed) return;
    try {
      const board = await this.boards.of(scheduleId);
      const returning = this.#returning.get(scheduleId);
      if (!board || !returning) return;
      const nowMs = this.clock.nowMs();
      const statuses: Gathered['statuses'] = new Map();
      for (const [seatId, untilMs] of board.returns()) {
        if (untilMs > nowMs) this.#willReturn(scheduleId, returning, seatId, untilMs);
        else if (untilMs > nowMs - rememberedReturnsMs) statuses.set(seatId, 'free');
      }
      if (!hasMissed || statuses.size === 0 || !this.#listeners.get(scheduleId)?.has(listener)) return;
      // Positions of a board are the log's.
      listener(seatsMessage({ statuses, position: board.position as Position }));
    } catch (error) {
      this.#logger.warn(`seats that come back could not be told: ${String(error)}`);
    }
  }

  #willReturn(scheduleId: ScheduleId, returning: Returning, seatId: SeatId, untilMs: number): void {
    returning.seats.set(seatId, untilMs);
    if (untilMs < returning.timerAtMs) this.#wakeAt(scheduleId, returning, untilMs);
  }

  #wakeAt(scheduleId: ScheduleId, returning: Returning, atMs: number): void {
    clearTimeout(returning.timer);
    returning.timer = undefined;
    returning.timerAtMs = atMs;
    if (atMs === Infinity || this.#isClosing || this.#returning.get(scheduleId) !== returning) return;
    const delayMs = Math.max(0, atMs - this.clock.nowMs());
    returning.timer = setTimeout(() => this.#cameBack(scheduleId, returning), delayMs);
  }

  /** Tells the seats whose moment has come as free. */
  #cameBack(scheduleId: ScheduleId, returning: Returning): void {
    const nowMs = this.clock.nowMs();
    let nextMs = Infinity;
    const due: SeatId[] = [];
    for (const [seatId, untilMs] of returning.seats) {
      if (untilMs <= nowMs) due.push(seatId);
      else nextMs = Math.min(nextMs, untilMs);
    }
    const position = this.boards.followedTo;
    if (due.length > 0 && position !== undefined && this.#listeners.has(scheduleId)) {
      const gathered = this.#gathered.get(scheduleId) ?? { statuses: new Map(), position };
      for (const seatId of due) gathered.statuses.set(seatId, 'free');
      this.#gathered.set(scheduleId, gathered);
      this.#plan();
    }
    for (const seatId of due) returning.seats.delete(seatId);
    this.#wakeAt(scheduleId, returning, nextMs);
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

function shownAs(taken: SeatChange['taken'], nowMs: number): 'free' | 'held' | 'reserved' {
  if (!taken) return 'free';
  const isBack = taken.status === 'held' && taken.isReturning === true && taken.untilMs <= nowMs;
  return isBack ? 'free' : taken.status;
}

function seatsMessage({ statuses, position }: Readonly<Gathered>): string {
  const seats = [...statuses].map(([seatId, status]) => ({ seatId, status }));
  return sseMessage('seats', { position, seats }, position);
}
