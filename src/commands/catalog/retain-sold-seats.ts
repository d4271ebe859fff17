import { Inject, Injectable } from '@nestjs/common';
import { findSeat, planRows, type VenueState } from '../../domain/catalog.js';
import {
  type MatchedSeat,
  matchSeats,
  placeText,
  type RenumberedSeat,
  renumberedSeats,
  repeatedPlaces,
  replacedFormerSeats,
} from '../../domain/plan-identity.js';
import { hasLapsed, type SeatState, seatDecider } from '../../domain/seat.js';
import { EventStore } from '../../event-store/port.js';
import { type PlanRow, type PlanSection, rowsOf, standingRow } from '../../events/catalog-events.js';
import { addMs, type Instant, type ScheduleId, type SeatId, type VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { StreamRepository } from '../stream-repository.js';
import type { ImportProblem } from './check-import.js';

const maxConcurrentReads = 16;

/** How long a lapsed hold still counts as a hold: a payment that began before its deadline may be in progress. */
const paymentGraceMs = 60_000;

export interface KeptSeat {
  readonly venueId: VenueId;
  readonly seatId: SeatId;
  /** Where it is held or sold. */
  readonly scheduleId: ScheduleId;
}

/** A seat that is held or sold on a date. */
interface UsedSeat {
  readonly seatId: SeatId;
  readonly scheduleId: ScheduleId;
  readonly state: Exclude<SeatState, { kind: 'free' }>;
}

interface RevisedPlan {
  readonly sections: readonly PlanSection[];
  readonly keptSeats: readonly KeptSeat[];
  readonly matchedSeats: readonly MatchedSeat[];
  /** Held and sold seats with another place in the new plan, which the operator has accepted. */
  readonly renumbered: readonly RenumberedSeat[];
  /** Seats that leave the plan or get another place; without those that are sold, which the operator has accepted. */
  readonly leaving: readonly SeatId[];
  /** Held seats among them, which the operator has accepted. */
  readonly acceptedHolds: readonly UsedSeat[];
  /** The entries for the report; if one has the effect `refused`, the plan must not be published. */
  readonly problems: readonly ImportProblem[];
}

/** Works out the plan that may be published instead of a known one, with regard to held and sold seats. */
@Injectable()
export class SoldSeats {
  constructor(
    private readonly repository: StreamRepository,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /**
   * The wanted plan, in which seats at a known place have the known id, and held and sold seats that it drops are back at
   * their places.
   * @param options.acceptRenumbering held and sold seats may get another place.
   */
  async revise(
    venue: { readonly venueId: VenueId; readonly id: string },
    known: VenueState,
    wanted: readonly PlanSection[],
    { acceptRenumbering = false }: { readonly acceptRenumbering?: boolean | undefined } = {},
  ): Promise<RevisedPlan> {
    const { venueId } = venue;
    const { sections: plan, matched } = matchSeats(known, wanted);
    const ids = new Set(
      plan.flatMap((section) => rowsOf(section).flatMap((row) => row.seats.map((s) => s.seatId))),
    );
    const dropped = planRows(known).flatMap((row) =>
      row.seats.map((seat) => seat.seatId).filter((seatId) => !ids.has(seatId)),
    );
    const about = venue.id;
    const kept: UsedSeat[] = [];
    const problems: ImportProblem[] = [];
    for (const seat of await this.#usedOfVenue(venueId, dropped)) {
      const reason = whyNotPutBack(known, plan, seat.seatId);
      if (reason === undefined) kept.push(seat);
      else
        problems.push({ record: recordOf(venue, seat), field: 'standing', reason, effect: 'refused', about });
    }
    const sections = putBack(known, plan, new Set(kept.map((seat) => seat.seatId)));
    const moved = new Map(renumberedSeats(known, sections).map((seat) => [seat.seatId, seat]));
    const used = await this.#usedOfVenue(venueId, [...moved.keys()]);
    const effect = acceptRenumbering ? 'changed' : 'refused';
    for (const seat of used) {
      const change = moved.get(seat.seatId);
      if (!change) continue;
      const reason = `is held or sold as "${placeText(change.from)}" and the plan calls it "${placeText(change.to)}"${
        acceptRenumbering ? ': accepted by the option acceptRenumbering, tell the fan' : ''
      }`;
      problems.push({ record: recordOf(venue, seat), field: 'number', reason, effect, about });
    }
    const keptById = new Map(kept.map((seat) => [seat.seatId, seat]));
    for (const { place, seatIds } of repeatedPlaces(sections)) {
      for (const seatId of seatIds) {
        const seat = keptById.get(seatId);
        if (!seat) continue;
        const others = seatIds.filter((other) => other !== seatId).join(', ');
        const reason = `is held or sold as "${placeText(place)}", which the plan gives to another seat: "${others}"`;
        problems.push({ record: recordOf(venue, seat), field: 'number', reason, effect: 'refused', about });
      }
    }
    const replaced = new Map(replacedFormerSeats(known, sections).map((seat) => [seat.seatId, seat]));
    for (const seat of await this.#usedOfVenue(venueId, [...replaced.keys()])) {
      const change = replaced.get(seat.seatId);
      if (!change) continue;
      const reason = `is held or sold as "${placeText(change.place)}", which the plan gives to another seat: "${change.by}"`;
      problems.push({ record: recordOf(venue, seat), field: 'number', reason, effect: 'refused', about });
    }
    const changed = new Set(used.map(({ seatId }) => seatId));
    const sold = new Set(used.flatMap(({ seatId, state }) => (state.kind === 'reserved' ? [seatId] : [])));
    const published = new Set(planRows(known).flatMap((row) => row.seats.map(({ seatId }) => seatId)));
    const leaving = [...dropped.filter((seatId) => !keptById.has(seatId)), ...moved.keys()];
    return {
      sections,
      keptSeats: kept.map(({ seatId, scheduleId }) => ({ venueId, seatId, scheduleId })),
      matchedSeats: matched,
      renumbered: [...moved.values()].filter(({ seatId }) => changed.has(seatId)),
      leaving: leaving.filter((seatId) => published.has(seatId) && !sold.has(seatId)),
      acceptedHolds: used.filter(({ state }) => state.kind === 'held'),
      problems,
    };
  }

  /**
   * Seats that were free when the plan was revised, and that a fan has taken before they left the published plan.
   * @returns a refusal for each
   */
  async takenMeanwhile(
    venue: { readonly venueId: VenueId; readonly id: string },
    { leaving, acceptedHolds }: Pick<RevisedPlan, 'leaving' | 'acceptedHolds'>,
  ): Promise<ImportProblem[]> {
    const accepted = new Set(acceptedHolds.map(({ scheduleId, seatId }) => streams.seat(scheduleId, seatId)));
    const used = await this.#usedOfVenue(venue.venueId, leaving);
    return used
      .filter(({ scheduleId, seatId }) => !accepted.has(streams.seat(scheduleId, seatId)))
      .map((seat) => ({
        record: recordOf(venue, seat),
        field: 'number',
        reason:
          'was taken while the plan was being imported: the former plan is published again; repeat the import',
        effect: 'refused',
        about: venue.id,
      }));
  }

  /** The seats of a date that are held or sold. */
  async usedOn(scheduleId: ScheduleId, seatIds: readonly SeatId[]): Promise<UsedSeat[]> {
    return this.#usedOn([scheduleId], seatIds);
  }

  async #usedOfVenue(venueId: VenueId, seatIds: readonly SeatId[]): Promise<UsedSeat[]> {
    if (seatIds.length === 0) return [];
    const isCaughtUp = await this.#isCaughtUp();
    return this.#usedOn(await this.queries.schedulesOfVenue(venueId), seatIds, isCaughtUp);
  }

  async #isCaughtUp(): Promise<boolean> {
    const head = await this.store.head();
    return head === undefined || (await this.queries.waitFor(head));
  }

  async #usedOn(
    scheduleIds: readonly ScheduleId[],
    seatIds: readonly SeatId[],
    isCaughtUp?: boolean,
  ): Promise<UsedSeat[]> {
    if (seatIds.length === 0) return [];
    // Avoids reading the streams of thousands of free seats; while the read models are behind all of them are read.
    const doAsk = isCaughtUp ?? (await this.#isCaughtUp());
    const limit = new ConcurrencyLimit(maxConcurrentReads);
    const used: UsedSeat[] = [];
    for (const scheduleId of scheduleIds) {
      const taken = doAsk ? await this.queries.takenSeats(scheduleId, this.#latestDeadline()) : undefined;
      const candidates = taken ? seatIds.filter((seatId) => taken.has(seatId)) : seatIds;
      const states = await Promise.all(
        candidates.map((seatId) => limit.run(() => this.#usedSeat(scheduleId, seatId))),
      );
      used.push(...states.filter((seat) => seat !== undefined));
    }
    return used;
  }

  async #usedSeat(scheduleId: ScheduleId, seatId: SeatId): Promise<UsedSeat | undefined> {
    const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
    if (state.kind === 'free' || hasLapsed(state, this.#latestDeadline())) return undefined;
    return { scheduleId, seatId, state };
  }

  /** Of holds whose seats can no longer be paid for. */
  #latestDeadline(): Instant {
    return addMs(this.clock.now(), -paymentGraceMs);
  }
}

function recordOf(venue: { readonly id: string }, { seatId, scheduleId, state }: UsedSeat): string {
  const owner = state.kind === 'reserved' ? `order ${state.orderId}` : `hold ${state.holdId}`;
  return `venue "${venue.id}", seat "${seatId}" of date ${scheduleId}, ${owner}`;
}

/**
 * Why a held or sold seat that the plan drops cannot stay where it was: a standing area has all numbers up to its
 * capacity or none, and no rows. Undefined when it can.
 */
function whyNotPutBack(known: VenueState, plan: readonly PlanSection[], seatId: SeatId): string | undefined {
  const seat = findSeat(known, seatId);
  if (!seat) return undefined;
  const wanted = plan.find(({ sectionId }) => sectionId === seat.sectionId);
  if (seat.row === standingRow) {
    return `is held or sold as "${placeText(seat)}", which the plan no longer has: keep the standing area with a capacity of at least ${seat.number}`;
  }
  return wanted?.standing === undefined
    ? undefined
    : `is held or sold as "${placeText(seat)}", and the plan makes a standing area of its section: give the area a sectionId and a name of its own`;
}

/** Adds the kept seats' rows to the sections they were in, or the whole section if the feed dropped it. */
function putBack(
  known: VenueState,
  wanted: readonly PlanSection[],
  kept: ReadonlySet<SeatId>,
): PlanSection[] {
  const sections = new Map(wanted.map((section) => [section.sectionId, section]));
  for (const { sectionId, name, rows } of known.sections.values()) {
    const keptRows: PlanRow[] = rows
      .map((row) => ({ ...row, seats: row.seats.filter((seat) => kept.has(seat.seatId)) }))
      .filter((row) => row.seats.length > 0);
    if (keptRows.length === 0) continue;
    const section = sections.get(sectionId) ?? { sectionId, name, rows: [] };
    sections.set(sectionId, { ...section, rows: [...section.rows, ...keptRows] });
  }
  return [...sections.values()];
}
