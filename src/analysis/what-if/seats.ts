import { chooseBestAvailable, topMiddle } from '../../domain/best-available.js';
import { type SeatCommand, type SeatState, seatDecider } from '../../domain/seat.js';
import type { PlanRow } from '../../events/catalog-events.js';
import {
  type HoldId,
  type Instant,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../../events/ids.js';
import type { SeatEvent } from '../../events/seat-events.js';
import type { Hall, HallDate, SeatWish } from './demand.js';

export interface Hold {
  readonly holdId: HoldId;
  readonly scheduleId: ScheduleId;
  readonly seatIds: readonly SeatId[];
  readonly expiresAt: Instant;
}

interface DateState {
  readonly date: HallDate;
  readonly states: Map<SeatId, SeatState>;
  /** Seats for sale without an owner. Holds end exactly at their deadline, so no clock is needed. */
  readonly free: Set<SeatId>;
  /** How many there are by category and row, to skip those with too few. */
  readonly freeInCategory: Map<string, number>;
  readonly freeInRow: Map<PlanRow, number>;
  /** The point the audience looks at; without one in the plan, the middle of its top edge. */
  readonly focus: { readonly x: number; readonly y: number };
}

/** The seats of a simulated sale; the office's own decider decides every change. */
export class Seats {
  readonly #dates: ReadonlyMap<ScheduleId, DateState>;

  /** @param onEvent called with every event, as the log would have it. */
  constructor(
    hall: Hall,
    private readonly onEvent: (event: SeatEvent) => void,
  ) {
    this.#dates = new Map([...hall].map(([scheduleId, date]) => [scheduleId, emptyDate(date)]));
  }

  /** The dates still to come at `nowMs`. */
  *datesFrom(nowMs: number): Generator<ScheduleId> {
    for (const [scheduleId, { date }] of this.#dates) if (nowMs < date.startsAtMs) yield scheduleId;
  }

  categoryOf(scheduleId: ScheduleId, seatId: SeatId): string | undefined {
    return this.#dates.get(scheduleId)?.date.seats.get(seatId)?.seat.category;
  }

  /** Free seats that fulfil a wish; undefined: there are none. */
  find(wish: SeatWish, nowMs: number): readonly SeatId[] | undefined {
    const at = this.#dates.get(wish.scheduleId);
    if (!at || nowMs >= at.date.startsAtMs) return undefined;
    const isAvailable = (seatId: SeatId) => at.free.has(seatId);
    if (wish.kind === 'seats') return wish.seatIds.every(isAvailable) ? wish.seatIds : undefined;
    const { quantity, category, section, access, acceptRestrictedView } = wish;
    const rows = section === undefined ? at.date.rows : at.date.rowsOfSection(section);
    const left =
      category === undefined || access !== undefined ? at.free.size : (at.freeInCategory.get(category) ?? 0);
    if (left < quantity) return undefined;
    return chooseBestAvailable({
      rows: rows.filter((row) => (at.freeInRow.get(row) ?? 0) > 0),
      quantity,
      isFree: (seat) => isAvailable(seat.seatId),
      isEligible: (seat) =>
        (category === undefined || seat.category === category || seat.companionOf !== undefined) &&
        isAvailable(seat.seatId),
      focus: at.focus,
      access,
      acceptRestrictedView,
    });
  }

  /** Holds free seats. @throws {Error} when one is not: a defect of the simulation. */
  hold(hold: Hold, owner: { readonly userId: UserId; readonly tokenId: TokenId }, now: Instant): void {
    const { scheduleId, holdId, expiresAt } = hold;
    for (const seatId of hold.seatIds) {
      const price = this.#dates.get(scheduleId)?.date.seats.get(seatId)?.price ?? 0;
      const isHeld = this.#do({ kind: 'hold', scheduleId, seatId, holdId, ...owner, price, expiresAt }, now);
      if (!isHeld) throw new Error(`seat ${seatId} was found free and could not be held`);
    }
  }

  /** Reserves all seats of a hold, or none if it has ended. */
  reserve(hold: Hold, orderId: OrderId, now: Instant): boolean {
    const { scheduleId, holdId, seatIds } = hold;
    const commands = seatIds.map(
      (seatId) => ({ kind: 'reserve', scheduleId, seatId, holdId, orderId }) as const,
    );
    const canAll = commands.every((command) => {
      const state = this.#dates.get(scheduleId)?.states.get(command.seatId) ?? seatDecider.initialState;
      return seatDecider.decide(command, state, now).kind === 'accepted';
    });
    if (canAll) for (const command of commands) this.#do(command, now);
    return canAll;
  }

  /** Frees the seats a hold still has. @param why `expire` only after its deadline. */
  end(hold: Hold, why: 'expire' | 'release', now: Instant): void {
    const { scheduleId, holdId } = hold;
    for (const seatId of hold.seatIds) {
      const seat = { scheduleId, seatId, holdId };
      this.#do(
        why === 'expire' ? { kind: 'expire', ...seat } : { kind: 'release', ...seat, reason: 'released' },
        now,
      );
    }
  }

  /** Frees the seats of a cancelled order. */
  cancel(hold: Hold, orderId: OrderId, now: Instant): void {
    const { scheduleId, holdId } = hold;
    for (const seatId of hold.seatIds) {
      this.#do({ kind: 'give-back', scheduleId, seatId, holdId, orderId, reason: 'order-cancelled' }, now);
    }
  }

  #do(command: SeatCommand, now: Instant): boolean {
    const at = this.#dates.get(command.scheduleId);
    if (!at) return false;
    const before = at.states.get(command.seatId) ?? seatDecider.initialState;
    const decision = seatDecider.decide(command, before, now);
    if (decision.kind === 'rejected') return false;
    let state = before;
    for (const event of decision.events) {
      state = seatDecider.evolve(state, event);
      this.onEvent(event);
    }
    at.states.set(command.seatId, state);
    const change = Number(state.kind === 'free') - Number(before.kind === 'free');
    const known = at.date.seats.get(command.seatId);
    if (!known || change === 0) return true;
    if (change > 0) at.free.add(command.seatId);
    else at.free.delete(command.seatId);
    count(at.freeInRow, known.row, change);
    count(at.freeInCategory, known.seat.category, change);
    return true;
  }
}

function emptyDate(date: HallDate): DateState {
  const freeInRow = new Map<PlanRow, number>();
  const freeInCategory = new Map<string, number>();
  for (const { row, seat } of date.seats.values()) {
    count(freeInRow, row, 1);
    count(freeInCategory, seat.category, 1);
  }
  const focus = date.focus ?? topMiddle(date.rows);
  return { date, states: new Map(), free: new Set(date.seats.keys()), freeInCategory, freeInRow, focus };
}

function count<Key>(counts: Map<Key, number>, key: Key, change: number): void {
  counts.set(key, (counts.get(key) ?? 0) + change);
}
