import { addMs, type Instant, type ScheduleId, type SeatId, type VenueId } from '../../events/ids.js';

import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';
import { type SeatOwners, seatKey } from './seat-owners.js';

interface Plan {
  readonly sections: Map<string, readonly SeatId[]>;
  /** Sections that name the seat now; 0: it was in the plan once. */
  readonly timesNamed: Map<SeatId, number>;
  /** The last event of the plan. */
  at: Instant;
  ref: EventRef;
}

/** Follows the plans: every seat that is sold exists, once. */
export class SeatingPlans implements CheckGroup {
  readonly #plans = new Map<VenueId, Plan>();
  readonly #performances = new Set<string>();
  readonly #schedules = new Map<ScheduleId, VenueId>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    VenuePublished: ({ data, at, ref }) => {
      this.#touch(data.venueId, at, ref);
    },
    SectionPublished: ({ data, at, ref }) => {
      const seats = data.rows.flatMap((row) => row.seats.map((seat) => seat.seatId));
      setSection(this.#touch(data.venueId, at, ref), data.sectionId, seats);
    },
    SectionWithdrawn: ({ data, at, ref }) => {
      setSection(this.#touch(data.venueId, at, ref), data.sectionId, []);
    },
    PerformancePublished: ({ data, ref }) => {
      this.#performances.add(data.performanceId);
      this.#expectReference(this.#plans.has(data.venueId), `venue ${data.venueId}`, ref);
    },
    SchedulePublished: ({ data, ref }) => {
      this.#schedules.set(data.scheduleId, data.venueId);
      const isKnown = this.#plans.has(data.venueId) && this.#performances.has(data.performanceId);
      this.#expectReference(isKnown, `venue ${data.venueId} or performance ${data.performanceId}`, ref);
    },
    SeatHeld: (fact) => this.#expectSeat(fact),
  };

  finish(now: Instant): void {
    for (const plan of this.#plans.values()) {
      // A plan is published section by section: one that changes right now may name a seat twice, or not yet.
      if (this.#isSettled(plan, now)) this.#expectSeatsOnce(plan);
    }
    for (const [key, owner] of this.owners.owned()) {
      const plan = this.#planOf(owner.scheduleId);
      if (!plan || !this.#isSettled(plan, now)) continue;
      if (owner.kind === 'held' && owner.hold.expiresAt <= now) continue; // free: only its end was not written
      const ref = owner.kind === 'held' ? owner.hold.ref : owner.ref;
      this.findings.expect(
        'seat-in-plan',
        (plan.timesNamed.get(owner.seatId) ?? 0) > 0,
        () => `seat ${key} is ${owner.kind} and no longer in the plan`,
        ref,
        plan.ref,
      );
    }
  }

  #expectSeat({ data, ref }: Fact<'SeatHeld'>): void {
    this.findings.expect(
      'seat-in-plan',
      // A hold may be decided on a plan that was replaced a moment ago; finish() judges by the last one.
      this.#planOf(data.scheduleId)?.timesNamed.has(data.seatId) ?? false,
      () => `seat ${seatKey(data)} is held and was never in the plan of a published date`,
      ref,
    );
  }

  #expectSeatsOnce(plan: Plan): void {
    const twice = [...plan.timesNamed].find(([, times]) => times > 1);
    this.findings.expect(
      'plan-seat-once',
      twice === undefined,
      () => `the plan names seat ${twice?.[0]} twice`,
      plan.ref,
    );
  }

  #expectReference(isKnown: boolean, what: string, ref: EventRef): void {
    this.findings.expect('catalog-reference', isKnown, () => `${what} was not published before`, ref);
  }

  #isSettled(plan: Plan, now: Instant): boolean {
    return addMs(plan.at, this.options.settleMs) <= now;
  }

  #planOf(scheduleId: ScheduleId): Plan | undefined {
    const venueId = this.#schedules.get(scheduleId);
    return venueId === undefined ? undefined : this.#plans.get(venueId);
  }

  #touch(venueId: VenueId, at: Instant, ref: EventRef): Plan {
    let plan = this.#plans.get(venueId);
    if (plan) Object.assign(plan, { at, ref });
    else plan = { sections: new Map(), timesNamed: new Map(), at, ref };
    this.#plans.set(venueId, plan);
    return plan;
  }
}

function setSection({ sections, timesNamed }: Plan, sectionId: string, seats: readonly SeatId[]): void {
  const count = (seatId: SeatId, change: number) =>
    timesNamed.set(seatId, (timesNamed.get(seatId) ?? 0) + change);
  for (const seatId of sections.get(sectionId) ?? []) count(seatId, -1);
  for (const seatId of seats) count(seatId, 1);
  sections.set(sectionId, seats);
}
