import type { ScheduleId, SeatId } from '../../events/ids.js';

/** Seats remembered of one date; with more, the read models lag far behind, and requests compete as without a memory. */
const maxRemembered = 10_000;

interface ChosenOfDate {
  /** Seats that requests are taking now, each with the end of its attempt. */
  readonly taking: Map<SeatId, Promise<void>>;
  /** Seats of attempts that ended: the read models may not show yet whether they are taken. */
  readonly ended: Set<SeatId>;
}

/**
 * The seats that this process has chosen as the best available. Requests that come together would all choose the same
 * ones, and all but one would lose them; so each chooses among those that no other is taking. It only makes better
 * choices: the streams of seats decide who gets one.
 */
export class ChosenSeats {
  readonly #dates = new Map<ScheduleId, ChosenOfDate>();

  /** Whether a request is taking the seat now. */
  isBeingTaken(scheduleId: ScheduleId, seatId: SeatId): boolean {
    return this.#dates.get(scheduleId)?.taking.has(seatId) ?? false;
  }

  /** Ends when every attempt that is under way now has ended. */
  async untilEnded(scheduleId: ScheduleId): Promise<void> {
    await Promise.all(this.#dates.get(scheduleId)?.taking.values() ?? []);
  }

  /** @returns to be called when the attempt to take the seats has ended, whether it got them or not. */
  begin(scheduleId: ScheduleId, seatIds: readonly SeatId[]): () => void {
    const chosen = this.#dates.get(scheduleId) ?? { taking: new Map(), ended: new Set() };
    this.#dates.set(scheduleId, chosen);
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const seatId of seatIds) chosen.taking.set(seatId, ended);
    return () => {
      for (const seatId of seatIds) {
        if (chosen.taking.get(seatId) === ended) chosen.taking.delete(seatId);
        chosen.ended.add(seatId);
      }
      if (chosen.ended.size > maxRemembered) chosen.ended.clear();
      end();
    };
  }

  /**
   * Seats of ended attempts that are taken, without those that the read models show.
   * @param isTaken as far as this process knows; what it does not know to be taken is forgotten.
   */
  takenSince(
    scheduleId: ScheduleId,
    shown: ReadonlySet<SeatId>,
    isTaken: (seatId: SeatId) => boolean,
  ): ReadonlySet<SeatId> {
    const chosen = this.#dates.get(scheduleId);
    if (!chosen) return new Set();
    for (const seatId of chosen.ended) {
      if (shown.has(seatId) || !isTaken(seatId)) chosen.ended.delete(seatId);
    }
    if (chosen.ended.size === 0 && chosen.taking.size === 0) this.#dates.delete(scheduleId);
    return chosen.ended;
  }
}
