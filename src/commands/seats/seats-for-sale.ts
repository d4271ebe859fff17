import { Inject, Injectable } from '@nestjs/common';
import { chooseBestAvailable } from '../../domain/best-available.js';
import {
  findSeat,
  isSaleClosed,
  type PerformanceDetails,
  type PlacedSeat,
  planRows,
  priceOf,
  type ScheduleDetails,
  type VenueState,
} from '../../domain/catalog.js';
import { assertNever } from '../../domain/decider.js';
import { isSamePlace } from '../../domain/plan-identity.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { isFree, type SeatState, seatDecider, seatTaken } from '../../domain/seat.js';
import type { PlanSeat } from '../../events/catalog-events.js';
import type { HoldId, PerformanceId, ScheduleId, SeatId, UserId } from '../../events/ids.js';
import type { WheelchairAccess } from '../../events/queue-events.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { StreamRepository } from '../stream-repository.js';
import { ChosenSeats } from './chosen-seats.js';

export interface SeatForSale extends PlacedSeat {
  /** Points. */
  readonly price: number;
}

/** What one schedule has on sale. */
export interface ForSale {
  readonly schedule: ScheduleDetails;
  readonly performance: PerformanceDetails;
  readonly venue: VenueState;
}

/** What the best available seats are asked for. */
export interface WantedSeats {
  readonly quantity: number;
  /** With companions: of the wheelchair place. */
  readonly category?: string | undefined;
  /** Id of the only section wanted. */
  readonly section?: string | undefined;
  /** Undefined: neither wheelchair nor companion places. */
  readonly access?: WheelchairAccess | undefined;
  readonly acceptRestrictedView?: boolean | undefined;
}

/** How often a choice waits for other requests that are taking the last seats. */
const maxWaits = 5;

/** The best available seats, until the attempt to take them ends. */
export interface Choice {
  readonly seatIds: readonly SeatId[];
  /** To be called then, whether they were taken or not. */
  readonly end: () => void;
}

/** Finds seats and their prices in the catalog. */
@Injectable()
export class SeatsForSale {
  readonly #chosen = new ChosenSeats();

  constructor(
    private readonly repository: StreamRepository,
    private readonly catalog: CatalogReader,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /** @throws {Rejected} schedule-unknown (also when it belongs to another performance), not-on-sale */
  async open(scheduleId: ScheduleId, performanceId: PerformanceId): Promise<ForSale> {
    const schedule = await this.catalog.schedule(scheduleId);
    if (schedule.performanceId !== performanceId) {
      throw refuse('schedule-unknown', 'This schedule is not one of the performance you queued for.');
    }
    if (schedule.status === 'cancelled')
      throw refuse('not-on-sale', 'This date was cancelled: choose another one.');
    if (this.clock.now() >= schedule.startsAt) {
      throw refuse('not-on-sale', 'This date has begun: choose another one.', {
        startsAt: schedule.startsAt,
      });
    }
    const performance = await this.catalog.performance(performanceId);
    if (isSaleClosed(performance, this.clock.now())) {
      throw refuse('not-on-sale', 'The sale of this performance is over: choose another one.');
    }
    const venue = await this.catalog.venue(schedule.venueId);
    return { schedule, performance, venue };
  }

  /**
   * The named seats with their prices.
   * @param heldAt prices at which a hold has some of them: the price list may have changed since.
   * @throws {Rejected} seat-unknown, seat-not-for-sale
   */
  find(
    { venue, performance }: ForSale,
    seatIds: readonly SeatId[],
    heldAt?: ReadonlyMap<SeatId, number>,
  ): SeatForSale[] {
    return seatIds.map((seatId) => {
      const seat = findSeat(venue, seatId);
      if (!seat) throw refuse('seat-unknown', `There is no seat ${seatId} in this venue.`, { seatId });
      const price = heldAt?.get(seatId) ?? priceOf(performance, seat.category);
      if (price === undefined)
        throw refuse('seat-not-for-sale', `Seat ${seatId} is not for sale.`, { seatId });
      return { ...seat, price };
    });
  }

  /** Whether the log says now that the date is in this hall and the seats are at these places. */
  async areInPlan({ schedule, venue: before }: ForSale, seats: readonly PlacedSeat[]): Promise<boolean> {
    const { venueId } = await this.catalog.schedule(schedule.scheduleId, { isFresh: true });
    if (venueId !== schedule.venueId) return false;
    const venue = await this.catalog.venue(venueId, { isFresh: true });
    // The plan in which they were found.
    if (venue === before) return true;
    return seats.every((seat) => {
      const present = findSeat(venue, seat.seatId);
      return present !== undefined && isSamePlace(present, seat);
    });
  }

  /**
   * Refuses early a request that cannot succeed, before anything is written for it.
   * @throws {Rejected} seat-held, already-held, seat-reserved
   */
  async refuseTaken(
    scheduleId: ScheduleId,
    seatIds: readonly SeatId[],
    { holdId, userId }: { readonly holdId: HoldId; readonly userId: UserId },
  ): Promise<void> {
    for (const seatId of seatIds) {
      const state = await this.repository.peek(seatDecider, streams.seat(scheduleId, seatId));
      // Another run of the same request may have taken the seat.
      const now = this.clock.now();
      if (isFree(state, now) || (state.kind !== 'free' && state.holdId === holdId)) continue;
      throw new Rejected(seatTaken(state, { seatId, userId }, now).rejection);
    }
  }

  /**
   * The best free seats side by side that no other request of this process is taking; of a standing area the lowest free
   * numbers.
   * @param without seats that turned out to be taken.
   * @throws {Rejected} seat-unknown, no-seats-available
   */
  async chooseBest(forSale: ForSale, wanted: WantedSeats, without: ReadonlySet<SeatId>): Promise<Choice> {
    const { performance, schedule, venue } = forSale;
    const { section } = wanted;
    if (section !== undefined && !venue.sections.has(section)) {
      throw refuse('seat-unknown', `There is no section ${section} in this venue: the seat map lists them.`);
    }
    const { scheduleId } = schedule;
    const prices = new Map<string, boolean>();
    const isSold = (category: string) => {
      let forSale = prices.get(category);
      if (forSale === undefined) {
        forSale = priceOf(performance, category) !== undefined;
        prices.set(category, forSale);
      }
      return forSale;
    };
    // The plan has it in NFC, unless an earlier version published it.
    const composed = wanted.category?.normalize('NFC');
    const isWanted = (category: string) =>
      composed === undefined || category === composed || category === wanted.category;
    const rows = planRows(venue, section);
    for (let waits = 0; ; waits++) {
      const taken = await this.queries.takenSeats(scheduleId, this.clock.now());
      // Nothing is awaited from here to the end of the choice: no other request can choose in between.
      const alsoTaken = this.#chosen.takenSince(scheduleId, taken, (seatId) =>
        this.#isKnownTaken(scheduleId, seatId),
      );
      const isAvailable = ({ seatId, category }: PlanSeat) =>
        !taken.has(seatId) && !alsoTaken.has(seatId) && !without.has(seatId) && isSold(category);
      const choose = (
        isOpen: (seat: PlanSeat) => boolean,
        { acceptRestrictedView }: Pick<WantedSeats, 'acceptRestrictedView'> = wanted,
      ) =>
        chooseBestAvailable({
          rows,
          quantity: wanted.quantity,
          isFree: isOpen,
          // A companion's place is chosen with its wheelchair place, also if its own category is another one.
          isEligible: (seat) => (isWanted(seat.category) || seat.companionOf !== undefined) && isOpen(seat),
          focus: venue.details?.focus,
          access: wanted.access,
          acceptRestrictedView,
        });
      const isOpen = (seat: PlanSeat) =>
        isAvailable(seat) && !this.#chosen.isBeingTaken(scheduleId, seat.seatId);
      const isLastTry = waits >= maxWaits;
      const seatIds = choose(isOpen) ?? (isLastTry ? choose(isAvailable) : undefined);
      if (seatIds) return { seatIds, end: this.#chosen.begin(scheduleId, seatIds) };
      if (isLastTry || !choose(isAvailable)) {
        const isRestrictedFree = choose(isAvailable, { acceptRestrictedView: true }) !== undefined;
        throw noSeatsAvailable(wanted, isRestrictedFree);
      }
      // Other requests are taking the last seats: wait until it is clear whether they get them.
      await this.#chosen.untilEnded(scheduleId);
    }
  }

  /** Whether a seat is held, sold or not on sale again yet, as this process saw it last. */
  #isKnownTaken(scheduleId: ScheduleId, seatId: SeatId): boolean {
    const state = this.repository.cached<SeatState>(streams.seat(scheduleId, seatId))?.state;
    return state !== undefined && !isFree(state, this.clock.now());
  }
}

function noSeatsAvailable(wanted: WantedSeats, isRestrictedFree: boolean): Rejected {
  const { quantity, category, section } = wanted;
  const where = [category, section === undefined ? undefined : `section ${section}`].filter(
    (text) => text !== undefined,
  );
  const inWhere = where.length === 0 ? '' : ` in ${where.join(', ')}`;
  const advice = isRestrictedFree
    ? 'ask for fewer, or accept seats with a restricted view (acceptRestrictedView)'
    : 'ask for fewer';
  return refuse(
    'no-seats-available',
    `Fewer than ${quantity} ${kindOf(wanted)} are free${inWhere}: ${advice}.`,
  );
}

function kindOf({ access }: WantedSeats): string {
  switch (access) {
    case undefined:
      return 'seats';
    case 'wheelchair':
      return 'wheelchair places';
    case 'wheelchair-and-companion':
      return 'places of one wheelchair user with companions';
    default:
      return assertNever(access);
  }
}
