import { rowsOf } from '../../events/catalog-events.js';
import {
  addMs,
  type HoldId,
  type Instant,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
  type VenueId,
} from '../../events/ids.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';

/** The owner of a seat on one date, and the event that made it the owner. */
type SeatOwner = { readonly scheduleId: ScheduleId; readonly seatId: SeatId } & (
  | { readonly kind: 'held'; readonly hold: Hold }
  /** `hold`: the hold it was reserved by; undefined when there was none, which is reported separately. */
  | {
      readonly kind: 'reserved';
      readonly orderId: OrderId;
      readonly hold: Hold | undefined;
      readonly at: Instant;
      readonly ref: EventRef;
    }
);

interface Hold {
  readonly holdId: HoldId;
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly price: number;
  readonly expiresAt: Instant;
  readonly ref: EventRef;
}

/** Identifies one seat on one date. */
export function seatKey({ scheduleId, seatId }: { scheduleId: ScheduleId; seatId: SeatId }): string {
  return `${scheduleId}.${seatId}`;
}

/** Tracks the owner of each seat: never two at once. Other checks look owners up here. */
export class SeatOwners implements CheckGroup {
  readonly #owners = new Map<string, SeatOwner>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SeatHeld: (fact) => this.#hold(fact),
    SeatHoldReleased: (fact) => this.#endHold(fact),
    SeatHoldExpired: (fact) => this.#expire(fact),
    SeatReserved: (fact) => this.#reserve(fact),
    SeatReservationCancelled: (fact) => this.#cancel(fact),
  };

  /** The owner of a seat by {@link seatKey}; undefined when free. A lapsed hold owns it until its end is written. */
  ownerOf(key: string): SeatOwner | undefined {
    return this.#owners.get(key);
  }

  /** All seats that are held or reserved. */
  owned(): IterableIterator<[key: string, owner: SeatOwner]> {
    return this.#owners.entries();
  }

  finish(now: Instant): void {
    for (const owner of this.#owners.values()) {
      if (owner.kind !== 'held') continue;
      const { hold, seatId } = owner;
      this.findings.expect(
        'hold-overdue',
        now <= addMs(hold.expiresAt, this.options.holdOverdueMs),
        () => `the hold of seat ${seatId} was due at ${hold.expiresAt} and has not ended`,
        hold.ref,
      );
    }
  }

  #hold({ data, at, ref }: Fact<'SeatHeld'>): void {
    const { scheduleId, seatId, holdId, tokenId, userId, price, expiresAt } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    this.findings.expect(
      'seat-single-owner',
      owner === undefined,
      () => `seat ${seatId} is held by ${userId} while it is ${owner?.kind}`,
      ref,
      ...refsOf(owner),
    );
    this.#expectInTime(at, expiresAt, seatId, ref);
    const hold = { holdId, tokenId, userId, price, expiresAt, ref };
    this.#owners.set(key, { kind: 'held', scheduleId, seatId, hold });
  }

  /** Ends the hold an event names. @returns the hold when it was the live one. */
  #endHold({ data, ref }: Fact<'SeatHoldReleased' | 'SeatHoldExpired'>): Hold | undefined {
    const { seatId, holdId, userId } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const isLive = owner?.kind === 'held' && owner.hold.holdId === holdId && owner.hold.userId === userId;
    this.findings.expect(
      'hold-ends-once',
      isLive,
      () => `hold ${holdId} of seat ${seatId} ends, but it is not the one that holds it`,
      ref,
      ...refsOf(owner),
    );
    if (!isLive) return undefined;
    this.#owners.delete(key);
    return owner.hold;
  }

  #expire(fact: Fact<'SeatHoldExpired'>): void {
    const hold = this.#endHold(fact);
    if (!hold) return;
    this.findings.expect(
      'hold-not-early',
      fact.at >= hold.expiresAt && fact.data.expiredAt === hold.expiresAt,
      () => `the hold of seat ${fact.data.seatId} expired at ${fact.at}, its deadline is ${hold.expiresAt}`,
      fact.ref,
      hold.ref,
    );
  }

  #reserve({ data, at, ref }: Fact<'SeatReserved'>): void {
    const { scheduleId, seatId, holdId, userId, orderId } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const hold = owner?.kind === 'held' ? owner.hold : undefined;
    const isOwn = hold !== undefined && hold.holdId === holdId && hold.userId === userId;
    this.findings.expect(
      'seat-single-owner',
      isOwn,
      () => `seat ${seatId} is reserved for ${userId} by hold ${holdId}, which does not hold it`,
      ref,
      ...refsOf(owner),
    );
    if (isOwn) this.#expectInTime(at, hold.expiresAt, seatId, ref, hold.ref);
    this.#owners.set(key, {
      kind: 'reserved',
      scheduleId,
      seatId,
      orderId,
      hold: isOwn ? hold : undefined,
      at,
      ref,
    });
  }

  #cancel({ data, ref }: Fact<'SeatReservationCancelled'>): void {
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const isOwn = owner?.kind === 'reserved' && owner.orderId === data.orderId;
    this.findings.expect(
      'seat-single-owner',
      isOwn,
      () => `order ${data.orderId} gives back seat ${data.seatId}, which it does not have`,
      ref,
      ...refsOf(owner),
    );
    if (isOwn) this.#owners.delete(key);
  }

  #expectInTime(at: Instant, deadline: Instant, seatId: SeatId, ...refs: readonly EventRef[]): void {
    this.findings.expect(
      'hold-in-time',
      at < addMs(deadline, this.options.clockToleranceMs),
      () => `seat ${seatId} was taken at ${at} under a hold that ended at ${deadline}`,
      ...refs,
    );
  }
}

function refsOf(owner: SeatOwner | undefined): EventRef[] {
  if (!owner) return [];
  return [owner.kind === 'held' ? owner.hold.ref : owner.ref];
}

/** Why a hold cannot take a seat any more. */
type End = 'ended' | 'barred';

/** Tracks the holds that have ended on each seat: none comes back. Other checks look that up here. */
export class HoldEnds implements CheckGroup {
  readonly #ends = new Map<string, Map<HoldId, End>>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
  ) {}

  readonly on: Handlers = {
    SeatHeld: (fact) => this.#expectNew(fact),
    SeatHoldReleased: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatHoldExpired: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatReserved: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatHoldBarred: (fact) => this.#bar(fact),
  };

  /** Whether a hold has ended on a seat (by {@link seatKey}) or is barred from it. */
  isOver(key: string, holdId: HoldId): boolean {
    return this.#ends.get(key)?.has(holdId) === true;
  }

  #expectNew({ data, ref }: Fact<'SeatHeld'>): void {
    const { seatId, holdId } = data;
    const end = this.#ends.get(seatKey(data))?.get(holdId);
    this.findings.expect(
      'hold-ends-once',
      end !== 'ended',
      () => `hold ${holdId} of seat ${seatId} came back after it had ended`,
      ref,
    );
    this.findings.expect(
      'barred-stays-out',
      end !== 'barred',
      () => `seat ${seatId} is held by hold ${holdId}, which it had barred`,
      ref,
    );
  }

  #bar({ data, ref }: Fact<'SeatHoldBarred'>): void {
    const { seatId, holdId } = data;
    const key = seatKey(data);
    const isTheirs = this.owners.ownerOf(key)?.hold?.holdId === holdId;
    this.findings.expect(
      'hold-barred',
      !isTheirs && !this.isOver(key, holdId),
      () => `seat ${seatId} bars hold ${holdId}, which ${isTheirs ? 'has it' : 'is over for it'}`,
      ref,
    );
    this.#add(key, holdId, 'barred');
  }

  #add(key: string, holdId: HoldId, end: End): void {
    const ends = this.#ends.get(key) ?? new Map<HoldId, End>();
    this.#ends.set(key, ends.set(holdId, end));
  }
}

interface Plan {
  readonly sections: Map<string, readonly SeatId[]>;
  /** How many sections name the seat now; 0: it was in an earlier plan. */
  readonly timesNamed: Map<SeatId, number>;
  /** The last event of the plan. */
  at: Instant;
  ref: EventRef;
}

/** Tracks the seating plans: every seat that is sold exists exactly once. */
export class SeatingPlans implements CheckGroup {
  readonly #plans = new Map<VenueId, Plan>();
  readonly #performances = new Set<string>();
  /** The halls of a date, the present one last. */
  readonly #schedules = new Map<ScheduleId, readonly VenueId[]>();

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
      const seats = rowsOf(data).flatMap((row) => row.seats.map((seat) => seat.seatId));
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
      const earlier = (this.#schedules.get(data.scheduleId) ?? []).filter((hall) => hall !== data.venueId);
      this.#schedules.set(data.scheduleId, [...earlier, data.venueId]);
      const isKnown = this.#plans.has(data.venueId) && this.#performances.has(data.performanceId);
      this.#expectReference(isKnown, `venue ${data.venueId} or performance ${data.performanceId}`, ref);
    },
    SeatHeld: (fact) => this.#expectSeat(fact),
  };

  finish(now: Instant): void {
    for (const plan of this.#plans.values()) {
      // A plan is published section by section: while it changes, it may name a seat twice or not at all.
      if (this.#isSettled(plan, now)) this.#expectSeatsOnce(plan);
    }
    for (const [key, owner] of this.owners.owned()) {
      const [plan, ...earlier] = this.#plansOf(owner.scheduleId);
      if (!plan || !this.#isSettled(plan, now)) continue;
      // Tickets of a hall that the date has left stay valid until they are given back.
      if (earlier.some(({ timesNamed }) => timesNamed.has(owner.seatId))) continue;
      if (owner.kind === 'held' && owner.hold.expiresAt <= now) continue; // free: only the event that ends the hold is missing
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
      // A hold may be decided on a plan that was replaced a moment ago; finish() checks the last plan.
      this.#plansOf(data.scheduleId).some(({ timesNamed }) => timesNamed.has(data.seatId)),
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

  /** The plan of the date's present hall, then those of earlier halls. */
  #plansOf(scheduleId: ScheduleId): Plan[] {
    const halls = [...(this.#schedules.get(scheduleId) ?? [])].reverse();
    return halls.flatMap((venueId) => this.#plans.get(venueId) ?? []);
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
