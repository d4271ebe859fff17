import { LRUCache } from 'lru-cache';
import type { Position } from '../event-store/port.js';
import type { ScheduleId } from '../events/ids.js';
import type { DomainEvent } from '../events/registry.js';
import type { Queries } from '../queries/queries.js';
import type { BoardComparison } from '../queries/replies/boards.js';
import type { SeatBoard } from '../queries/seat-board.js';
import { compareBoard } from './compare-boards.js';
import { RecentSeatChanges, type SeatChange } from './recent-seat-changes.js';

/** How far the tables are. */
export interface TablesPosition {
  /** @returns false when that takes longer than `timeoutMs`. */
  waitFor(position: Position, timeoutMs: number): Promise<boolean>;
  current(): Position;
}

export interface SeatBoardSettings {
  /** Seat changes remembered for clients that reconnect and for boards being read, over all dates. */
  readonly rememberedSeatChanges: number;
  /** How long tables that show a former plan are waited for. */
  readonly waitForPositionTimeoutMs: number;
  /** Boards kept, those asked for last; one with 15,000 taken seats takes about 3 MB. Default 64. */
  readonly keptBoards?: number;
}

/** Before any position a store gives. */
const beforeFirst = -1;
/** A plan that is published again and again while its board is read is answered from the tables. */
const maxLoads = 3;

/**
 * The seats of the dates that clients look at, in memory: read from the tables once, kept up to date by the events that
 * {@link follow} is given. A board is dropped when its plan, prices or date are published again, or when an event could
 * not be read, and is then read anew.
 */
export class SeatBoards {
  readonly #boards: LRUCache<ScheduleId, SeatBoard>;
  readonly #loading = new Map<ScheduleId, Promise<SeatBoard | null>>();
  readonly #recent: RecentSeatChanges;
  /** Newest event followed; undefined: following has not begun. */
  #followedTo: Position | undefined;
  /** Newest event of the catalog: tables that are behind it show a former plan. */
  #catalogChangedAt: Position | undefined;

  constructor(
    private readonly queries: Pick<Queries, 'seatBoard'>,
    private readonly tables: TablesPosition,
    private readonly settings: SeatBoardSettings,
  ) {
    this.#boards = new LRUCache({ max: settings.keptBoards ?? 64 });
    this.#recent = new RecentSeatChanges(settings.rememberedSeatChanges);
  }

  /** @param head the newest event when following begins; undefined: there is none. */
  begin(head: Position | undefined): void {
    this.#followedTo = head;
    this.#recent.begin(head ?? beforeFirst);
  }

  /** A seat has changed. Events come in log order. */
  changed(change: SeatChange): void {
    this.#recent.add(change);
    this.#boards.peek(change.scheduleId)?.apply(change);
  }

  /** An event of a venue, a performance or a date. */
  catalogChanged({ data }: DomainEvent, position: Position): void {
    this.#catalogChangedAt = position;
    for (const [scheduleId, { date }] of this.#boards.entries()) {
      const isConcerned =
        ('venueId' in data && data.venueId === date.venueId) ||
        ('performanceId' in data && data.performanceId === date.performanceId) ||
        ('scheduleId' in data && data.scheduleId === scheduleId);
      if (isConcerned) this.#boards.delete(scheduleId);
    }
  }

  /** Everything up to here has been told. */
  followed(position: Position): void {
    this.#followedTo = position;
  }

  /** Events up to here may have been missed. */
  missed(position: Position): void {
    this.#boards.clear();
    this.#catalogChangedAt = position;
    this.#recent.begin(position);
  }

  /** Newest event that was followed; undefined: following has not begun. */
  get followedTo(): Position | undefined {
    return this.#followedTo;
  }

  /** @see RecentSeatChanges.since */
  recentChanges(scheduleId: ScheduleId, after: Position): SeatChange[] | undefined {
    return this.#recent.since(scheduleId, after);
  }

  /**
   * The seats of a date now; null when it is unknown.
   * @param wanted a log position that the board must have reached, and the tables have.
   */
  async of(scheduleId: ScheduleId, wanted?: Position): Promise<SeatBoard | null> {
    const board = this.#boards.get(scheduleId);
    if (board) {
      board.advanceTo(this.#followedTo ?? board.position);
      if (wanted === undefined || wanted <= board.position) return board;
      // The events are on their way; the tables have them.
      return this.queries.seatBoard(scheduleId);
    }
    // Requests that come while a board is read share it.
    let loading = this.#loading.get(scheduleId);
    if (!loading) {
      loading = this.#load(scheduleId).finally(() => this.#loading.delete(scheduleId));
      this.#loading.set(scheduleId, loading);
    }
    const loaded = await loading;
    const isOld = loaded !== null && wanted !== undefined && wanted > loaded.position;
    return isOld ? this.queries.seatBoard(scheduleId) : loaded;
  }

  /** Compares every board with the tables: a board that missed an event would say so for good. */
  async compare(nowMs: () => number): Promise<BoardComparison[]> {
    const compared: BoardComparison[] = [];
    for (const scheduleId of [...this.#boards.keys()])
      compared.push(await compareBoard('seats', scheduleId, () => this.#look(scheduleId, nowMs)));
    return compared;
  }

  async #look(scheduleId: ScheduleId, nowMs: () => number): Promise<readonly string[] | undefined> {
    const table = await this.queries.seatBoard(scheduleId);
    const board = this.#boards.peek(scheduleId);
    // A board that was dropped meanwhile is wrong in nothing.
    if (!board) return [];
    board.advanceTo(this.#followedTo ?? board.position);
    if (!table) return undefined;
    if (table.position < board.position) {
      const missing = this.#recent.since(scheduleId, table.position as Position); // tables hold the store's positions
      if (!missing) return undefined;
      for (const change of missing) table.apply(change);
    }
    const [inMemory, inTables] = [board.takenSeats(nowMs()), table.takenSeats(nowMs())];
    const seatIds = [...new Set([...inMemory.keys(), ...inTables.keys()])];
    const differences = seatIds
      .filter((seatId) => inMemory.get(seatId) !== inTables.get(seatId))
      .map(
        (seatId) =>
          `${seatId}: ${inMemory.get(seatId) ?? 'free'}, in the tables ${inTables.get(seatId) ?? 'free'}`,
      );
    if (board.planRevision !== table.planRevision) differences.push('the plan or a price');
    return differences;
  }

  async #load(scheduleId: ScheduleId): Promise<SeatBoard | null> {
    for (let load = 1; ; load++) {
      const catalogChangedAt = this.#catalogChangedAt;
      if (catalogChangedAt !== undefined && catalogChangedAt > this.tables.current())
        await this.tables.waitFor(catalogChangedAt, this.settings.waitForPositionTimeoutMs);
      const board = await this.queries.seatBoard(scheduleId);
      if (!board) return null;
      const missing = this.#recent.since(scheduleId, board.position as Position); // tables hold the store's positions
      const hasCatalog = catalogChangedAt === undefined || catalogChangedAt <= board.position;
      if (hasCatalog && catalogChangedAt === this.#catalogChangedAt && missing) {
        for (const change of missing) board.apply(change);
        this.#boards.set(scheduleId, board);
        return board;
      }
      // Tables that are behind for longer than they were waited for show a former plan: it is shown, but not kept.
      if (!hasCatalog || load === maxLoads) return board;
    }
  }
}
