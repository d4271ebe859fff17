import type { PerformanceId, ScheduleId, UserId } from '../events/ids.js';
import type { CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { Turns } from './turns.js';

/** Holds seats and turns against each other: who holds a seat had asked for it in a turn, and within the limits. */
export class SeatLimits implements CheckGroup {
  /** The highest limit a performance ever had: who bought under it may keep the seats when it is lowered. */
  readonly #limits = new Map<PerformanceId, number>();
  readonly #seatsOf = new Map<string, number>();

  constructor(
    private readonly findings: Findings,
    private readonly turns: Turns,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data }) => {
      const known = this.#limits.get(data.performanceId) ?? 0;
      this.#limits.set(data.performanceId, Math.max(known, data.sales.seatLimitPerUser));
    },
    SeatHeld: (fact) => {
      this.#expectRequested(fact);
      this.#expectAllowed(fact);
    },
    SeatHoldReleased: ({ data }) => void this.#count(data, -1),
    SeatHoldExpired: ({ data }) => void this.#count(data, -1),
    SeatReservationCancelled: ({ data }) => void this.#count(data, -1),
  };

  #expectRequested({ data, ref }: Fact<'SeatHeld'>): void {
    const turn = this.turns.get(data.tokenId);
    const hold = turn?.holds.get(data.holdId);
    // A turn that ran out while its seats were being taken ends with them: the hold's deadline is checked.
    const isInside = turn?.status === 'entered' || turn?.status === 'expired';
    const isSame =
      turn?.userId === data.userId &&
      hold?.scheduleId === data.scheduleId &&
      hold.expiresAt === data.expiresAt &&
      hold.outstanding.has(data.seatId);
    this.findings.expect(
      'hold-requested',
      isInside && isSame,
      () =>
        `seat ${data.seatId} is held by hold ${data.holdId}, which turn ${data.tokenId} (${turn?.status ?? 'unknown'}) did not request so or has returned`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
  }

  #expectAllowed({ data, ref }: Fact<'SeatHeld'>): void {
    const performanceId = this.turns.performanceOf(data.scheduleId);
    const limit = performanceId === undefined ? undefined : this.#limits.get(performanceId);
    const seats = this.#count(data, 1);
    if (limit === undefined) return; // an unpublished date is a finding of the plan
    this.findings.expect(
      'seat-limit-user',
      seats <= limit,
      () => `${data.userId} has ${seats} seats of performance ${performanceId}, allowed are ${limit}`,
      ref,
    );
  }

  /** Counts seats of a fan at a performance. @returns the new count. */
  #count({ scheduleId, userId }: { scheduleId: ScheduleId; userId: UserId }, change: number): number {
    const key = `${this.turns.performanceOf(scheduleId) ?? scheduleId} ${userId}`;
    const seats = (this.#seatsOf.get(key) ?? 0) + change;
    if (seats > 0) this.#seatsOf.set(key, seats);
    else this.#seatsOf.delete(key);
    return seats;
  }
}
