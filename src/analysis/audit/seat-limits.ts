import {
  addMs,
  type HoldId,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type UserId,
} from '../../events/ids.js';
import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';
import { type SeatOwners, seatKey } from './seat-owners.js';
import type { Turns } from './turns.js';

/** A seat held although its turn no longer counts it. */
interface Stray {
  readonly holdId: HoldId;
  readonly at: Instant;
  readonly ref: EventRef;
}

interface SeatOfFan {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly userId: UserId;
}

/**
 * Holds seats and turns against each other: who holds a seat had asked for it in a turn, and within the limits.
 * A request that runs late may take a seat after its turn has ended; it then has to let go of it again.
 */
export class SeatLimits implements CheckGroup {
  /** The highest limit a performance ever had: who bought under it may keep the seats when it is lowered. */
  readonly #limits = new Map<PerformanceId, number>();
  readonly #seatsOf = new Map<string, number>();
  readonly #strays = new Map<string, Stray>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data }) => {
      const known = this.#limits.get(data.performanceId) ?? 0;
      this.#limits.set(data.performanceId, Math.max(known, data.sales.seatLimitPerUser));
    },
    SeatHeld: (fact) => {
      if (this.#expectRequested(fact)) this.#expectAllowed(fact);
      else this.#strays.set(seatKey(fact.data), { holdId: fact.data.holdId, at: fact.at, ref: fact.ref });
    },
    SeatsReturned: (fact) => this.#uncount(fact),
    SeatHoldReleased: ({ data }) => this.#free(data),
    SeatHoldExpired: ({ data }) => this.#free(data),
    SeatReserved: ({ data, ref }) => {
      const stray = this.#strays.get(seatKey(data));
      if (stray) this.#expectStrayToEnd(false, data.seatId, stray, ref);
    },
    SeatReservationCancelled: ({ data }) => this.#free(data),
  };

  finish(now: Instant): void {
    for (const [key, stray] of this.#strays) {
      this.#expectStrayToEnd(now <= addMs(stray.at, this.options.settleMs), key, stray);
    }
  }

  /** @returns whether the seat counts for its turn. */
  #expectRequested({ data, ref }: Fact<'SeatHeld'>): boolean {
    const turn = this.turns.get(data.tokenId);
    const hold = turn?.holds.get(data.holdId);
    const isSame =
      turn?.userId === data.userId &&
      hold?.scheduleId === data.scheduleId &&
      hold.expiresAt === data.expiresAt &&
      hold.asked.includes(data.seatId);
    this.findings.expect(
      'hold-requested',
      isSame,
      () =>
        `seat ${data.seatId} is held by hold ${data.holdId}, which turn ${data.tokenId} (${turn?.status ?? 'unknown'}) did not request so`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!isSame) return true; // one finding is enough
    this.findings.expect(
      'return-is-final',
      hold.outstanding.has(data.seatId),
      () =>
        `seat ${data.seatId} is held by hold ${data.holdId} after it stopped counting for turn ${data.tokenId}`,
      ref,
      turn.ref,
    );
    // A turn that ran out while its seats were being taken ends with them: the hold's deadline is checked.
    const isInside = turn.status === 'entered' || turn.status === 'expired';
    return isInside && hold.outstanding.has(data.seatId);
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

  #expectStrayToEnd(holds: boolean, seat: string, stray: Stray, ...refs: readonly EventRef[]): void {
    this.findings.expect(
      'stray-hold-ends',
      holds,
      () => `seat ${seat} is held by hold ${stray.holdId} since ${stray.at}, and its turn does not count it`,
      ...refs,
      stray.ref,
    );
  }

  /** Seats given back that are still held no longer count. */
  #uncount({ data, at, ref }: Fact<'SeatsReturned'>): void {
    const hold = this.turns.get(data.tokenId)?.holds.get(data.holdId);
    if (!hold) return;
    for (const seatId of data.seatIds) {
      const seat = { scheduleId: hold.scheduleId, seatId, userId: data.userId };
      const key = seatKey(seat);
      const owner = this.owners.ownerOf(key);
      if (owner?.kind !== 'held' || owner.hold.holdId !== data.holdId || this.#strays.has(key)) continue;
      this.#count(seat, -1);
      this.#strays.set(key, { holdId: data.holdId, at, ref });
    }
  }

  #free(seat: SeatOfFan): void {
    if (!this.#strays.delete(seatKey(seat))) this.#count(seat, -1);
  }

  /** Counts seats of a fan at a performance. @returns the new count. */
  #count({ scheduleId, userId }: Pick<SeatOfFan, 'scheduleId' | 'userId'>, change: number): number {
    const key = `${this.turns.performanceOf(scheduleId) ?? scheduleId} ${userId}`;
    const seats = (this.#seatsOf.get(key) ?? 0) + change;
    if (seats > 0) this.#seatsOf.set(key, seats);
    else this.#seatsOf.delete(key);
    return seats;
  }
}
