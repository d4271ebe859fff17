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
import { Rejected, refuse } from '../../domain/rejection.js';
import { isFree, seatDecider, seatTaken } from '../../domain/seat.js';
import type { HoldId, PerformanceId, ScheduleId, SeatId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { StreamRepository } from '../stream-repository.js';

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

/** Finds seats and their prices in the catalog. */
@Injectable()
export class SeatsForSale {
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
      if (state.kind === 'free' || isFree(state, this.clock.now()) || state.holdId === holdId) continue;
      throw new Rejected(seatTaken(state, { seatId, userId }).rejection);
    }
  }

  /**
   * The best free seats side by side.
   * @param without seats that turned out to be taken.
   * @throws {Rejected} no-seats-available
   */
  async chooseBest(
    forSale: ForSale,
    wanted: { readonly quantity: number; readonly category?: string | undefined },
    without: ReadonlySet<SeatId>,
  ): Promise<readonly SeatId[]> {
    const { performance, schedule, venue } = forSale;
    const taken = await this.queries.takenSeats(schedule.scheduleId, this.clock.now());
    const prices = new Map<string, boolean>();
    const isSold = (category: string) => {
      let forSale = prices.get(category);
      if (forSale === undefined) {
        forSale = priceOf(performance, category) !== undefined;
        prices.set(category, forSale);
      }
      return forSale;
    };
    const isAvailable = (seat: { seatId: SeatId; category: string }) =>
      !taken.has(seat.seatId) && !without.has(seat.seatId) && isSold(seat.category);
    // The plan has it in NFC, unless an earlier version published it.
    const composed = wanted.category?.normalize('NFC');
    const isWanted = (category: string) =>
      composed === undefined || category === composed || category === wanted.category;
    const seatIds = chooseBestAvailable({
      rows: planRows(venue),
      quantity: wanted.quantity,
      isFree: isAvailable,
      isEligible: (seat) => isWanted(seat.category) && isAvailable(seat),
      focus: venue.details?.focus,
    });
    if (!seatIds) {
      const inCategory = wanted.category === undefined ? '' : ` in ${wanted.category}`;
      throw refuse(
        'no-seats-available',
        `Fewer than ${wanted.quantity} seats are free${inCategory}: ask for fewer.`,
      );
    }
    return seatIds;
  }
}
