import type { Position } from '../event-store/port.js';
import type { ScheduleId } from '../events/ids.js';
import type { SeatChange as BoardChange } from '../queries/seat-board.js';

/** What happened to a seat, and where in the log. */
export interface SeatChange extends BoardChange {
  readonly position: Position;
}

/** The last seat changes of all schedules, for clients that reconnect. */
export class RecentSeatChanges {
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
    if (dropped) this.#completeAfter = Math.max(this.#completeAfter ?? dropped.position, dropped.position);
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
