import { createHash } from 'node:crypto';
import type { PerformanceId, ScheduleId, SeatId, VenueId } from '../events/ids.js';
import type { PriceList } from '../projections/catalog/prices.js';
import {
  type AvailabilityReply,
  type CategoryAvailability,
  encodeSeatStatuses,
  type SeatMapReply,
  type SeatPlanReply,
  type SeatStatus,
  type SeatStatusesReply,
  type SectionAvailability,
} from './replies/catalog.js';
import { planSections, type SeatingPlan, type SeatMapFilter, seatMapSections } from './seating-plans.js';

type Counting<Reply> = { -readonly [Field in keyof Reply]: Reply[Field] };

/**
 * A seat that is not free. A held one is free again at a moment after its deadline, before any event says so; so is one that
 * was given back (`isReturning`), which is shown as held until then.
 */
export type TakenSeat =
  | { readonly status: 'held'; readonly untilMs: number; readonly isReturning?: true }
  | { readonly status: 'reserved' };

/** Whether nobody else can hold the seat: it is reserved, or its hold has not lapsed. */
export function isTaken(seat: TakenSeat, nowMs: number): boolean {
  return seat.status === 'reserved' || seat.untilMs > nowMs;
}

/** What an event of a seat did to it; undefined: it is free. */
export interface SeatChange {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly taken: TakenSeat | undefined;
  readonly position: number;
}

/** One date with what its seats cost. */
export interface PricedDate {
  readonly scheduleId: ScheduleId;
  readonly performanceId: PerformanceId;
  readonly venueId: VenueId;
  readonly prices: PriceList;
  readonly plan: SeatingPlan;
}

/**
 * Every seat of one date as it is at a position of the log: what is read from the tables once, and then follows the
 * events.
 */
export class SeatBoard {
  readonly #taken: Map<SeatId, TakenSeat>;
  readonly #returns = new Map<SeatId, number>();
  #position: number;
  #planRevision: string | undefined;
  #order: ReadonlyMap<SeatId, number> | undefined;

  /** @param position everything up to here is in `taken`; some seats may be newer. */
  constructor(
    readonly date: PricedDate,
    taken: ReadonlyMap<SeatId, TakenSeat>,
    position: number,
  ) {
    this.#taken = new Map(taken);
    this.#position = position;
    for (const [seatId, seat] of taken) this.#noteReturn(seatId, seat);
  }

  /** Log position the statuses are at least as new as. */
  get position(): number {
    return this.#position;
  }

  /** Events must come in log order. Those up to the board's position are in it already. */
  apply({ seatId, taken, position }: SeatChange): void {
    if (position <= this.#position) return;
    if (taken) this.#taken.set(seatId, taken);
    else this.#taken.delete(seatId);
    this.#noteReturn(seatId, taken);
    this.#position = position;
  }

  /** Every event up to here has been applied, or is of another date. */
  advanceTo(position: number): void {
    if (position > this.#position) this.#position = position;
  }

  /** Seats that nobody else can hold. */
  takenSeats(nowMs: number): Map<SeatId, 'held' | 'reserved'> {
    const taken = new Map<SeatId, 'held' | 'reserved'>();
    for (const seatId of this.#taken.keys()) {
      const status = this.#statusOf(seatId, nowMs);
      if (status) taken.set(seatId, status);
    }
    return taken;
  }

  /** Seats that were given back and not taken since, with when they are free (or have been since), ms since 1970. */
  returns(): ReadonlyMap<SeatId, number> {
    return this.#returns;
  }

  seatMap(filter: SeatMapFilter, nowMs: number): SeatMapReply {
    const { scheduleId, venueId, prices, plan } = this.date;
    const state = {
      priceOf: (category: string) => prices.priceOf(category),
      takenAs: (seatId: SeatId) => this.#statusOf(seatId, nowMs),
    };
    const sections = seatMapSections(plan.sections, state, filter);
    const { focus, decorations } = plan;
    return { scheduleId, venueId, position: this.#position, sections, focus, decorations };
  }

  /** How many seats are free, by category and section. */
  availability(nowMs: number): AvailabilityReply {
    const { scheduleId, prices, plan } = this.date;
    const byCategory = new Map<string, Counting<CategoryAvailability>>();
    const bySection = new Map<string, Counting<SectionAvailability>>();
    for (const { sectionId, name, categoryCounts } of plan.sections) {
      const section = { sectionId, name, capacity: 0, available: 0 };
      bySection.set(sectionId, section);
      for (const [category, count] of categoryCounts) {
        const price = prices.priceOf(category);
        if (price === null) continue;
        const label = prices.entryOf(category)?.label ?? category;
        const ofCategory = byCategory.get(category) ?? { category, label, price, capacity: 0, available: 0 };
        byCategory.set(category, ofCategory);
        for (const counted of [section, ofCategory]) {
          counted.capacity += count;
          counted.available += count;
        }
      }
    }
    const taken = { held: 0, reserved: 0 };
    for (const seatId of this.#taken.keys()) {
      const status = this.#statusOf(seatId, nowMs);
      const ofCategory = byCategory.get(plan.categoryOf.get(seatId) ?? '');
      const section = bySection.get(plan.sectionOf.get(seatId)?.sectionId ?? '');
      // Seats withdrawn from the plan or from sale are not counted at all.
      if (status === undefined || !ofCategory || !section) continue;
      ofCategory.available--;
      section.available--;
      taken[status]++;
    }
    const capacity = [...byCategory.values()].reduce((sum, category) => sum + category.capacity, 0);
    return {
      scheduleId,
      capacity,
      available: capacity - taken.held - taken.reserved,
      ...taken,
      byCategory: [...byCategory.values()].sort((a, b) => b.price - a.price),
      bySection: [...bySection.values()],
      position: this.#position,
    };
  }

  /** What stays the same until the plan or the prices are published anew. */
  plan(): SeatPlanReply {
    return { ...this.#plan(), revision: this.planRevision };
  }

  /** Two plans of one revision are the same to the byte: a digest of what the reply says. */
  get planRevision(): string {
    this.#planRevision ??= createHash('sha256')
      .update(JSON.stringify(this.#plan()))
      .digest('base64url')
      .slice(0, 16);
    return this.#planRevision;
  }

  /** The status of every seat in the order of the plan. */
  statuses(nowMs: number): SeatStatusesReply {
    const { scheduleId, prices, plan } = this.date;
    const order = this.#seatOrder();
    const statuses = new Array<SeatStatus>(order.size);
    for (const [seatId, index] of order) {
      const price = prices.priceOf(plan.categoryOf.get(seatId) ?? '');
      statuses[index] = this.#statusOf(seatId, nowMs) ?? (price === null ? 'not-for-sale' : 'free');
    }
    return {
      scheduleId,
      plan: this.planRevision,
      position: this.#position,
      seatCount: statuses.length,
      statuses: encodeSeatStatuses(statuses),
    };
  }

  #noteReturn(seatId: SeatId, taken: TakenSeat | undefined): void {
    if (taken?.status === 'held' && taken.isReturning) this.#returns.set(seatId, taken.untilMs);
    else this.#returns.delete(seatId);
  }

  #plan(): Omit<SeatPlanReply, 'revision'> {
    const { scheduleId, venueId, prices, plan } = this.date;
    const priceOf = (category: string) => prices.priceOf(category);
    const { focus, decorations } = plan;
    return { scheduleId, venueId, sections: planSections(plan.sections, priceOf), focus, decorations };
  }

  #seatOrder(): ReadonlyMap<SeatId, number> {
    if (!this.#order) {
      const seats = this.date.plan.sections.flatMap(({ rows }) => rows.flatMap((row) => row.seats));
      this.#order = new Map(seats.map(({ seatId }, index) => [seatId, index]));
    }
    return this.#order;
  }

  #statusOf(seatId: SeatId, nowMs: number): 'held' | 'reserved' | undefined {
    const taken = this.#taken.get(seatId);
    return taken && isTaken(taken, nowMs) ? taken.status : undefined;
  }
}
