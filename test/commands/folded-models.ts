import { type AdmissionState, admissionDecider } from '../../src/domain/admission.js';
import {
  type PerformanceDetails,
  planRows,
  priceOf,
  type ScheduleDetails,
  type VenueState,
  venueDecider,
} from '../../src/domain/catalog.js';
import { isFree, type SeatState, seatDecider } from '../../src/domain/seat.js';
import { drawnPlaces } from '../../src/domain/shuffle.js';
import { type TokenState, tokenDecider } from '../../src/domain/token.js';
import type { EventStore, Position, RecordedEvent } from '../../src/event-store/port.js';
import type { Instant, PerformanceId, ScheduleId, SeatId, TokenId, VenueId } from '../../src/events/ids.js';
import { decodeEvent } from '../../src/events/registry.js';
import type { Clock } from '../../src/platform/clock.js';
import type { UnfinishedBusiness } from '../../src/queries/account.js';
import type { CommandQueries } from '../../src/queries/queries.js';
import { frontOf, type QueueFront, type QueueSize } from '../../src/queries/queue.js';
import { type Sale, saleOf } from '../../src/queries/sale.js';
import type { OwnedSeat } from '../../src/queries/seats.js';

interface QueuedToken {
  readonly performanceId: PerformanceId;
  readonly number: number | undefined;
  readonly state: TokenState;
}

/** What commands ask of the read models, folded from the log for every question. */
export class FoldedModels implements CommandQueries {
  /** Whether the read models catch up with the log in time. Tests set it. */
  isCaughtUp = true;
  /** How far the read models are behind the log, ms. Tests set it. */
  behindMs = 0;
  /** What every user still has open. Tests set it. */
  business: UnfinishedBusiness[] = [];
  #folded = 0;
  readonly #seats = new Map<ScheduleId, Map<SeatId, SeatState>>();
  readonly #tokens = new Map<TokenId, QueuedToken>();
  /** Numbers given by queue. */
  readonly #issued = new Map<PerformanceId, number>();
  readonly #admissions = new Map<PerformanceId, AdmissionState>();
  readonly #schedules = new Map<ScheduleId, ScheduleDetails>();
  readonly #performances = new Map<PerformanceId, PerformanceDetails>();
  readonly #venues = new Map<VenueId, VenueState>();

  /** @param clock the store's: the age of events is measured by it. */
  constructor(
    private readonly store: EventStore,
    private readonly clock: Pick<Clock, 'nowMs'>,
  ) {}

  async waitFor(): Promise<boolean> {
    return this.isCaughtUp;
  }

  async takenSeats(scheduleId: ScheduleId, now: Instant): Promise<ReadonlySet<SeatId>> {
    await this.#catchUp();
    const seats = [...(this.#seats.get(scheduleId) ?? [])];
    return new Set(seats.filter(([, state]) => !isFree(state, now)).map(([seatId]) => seatId));
  }

  async numberOfToken(tokenId: TokenId): Promise<number | undefined> {
    await this.#catchUp();
    return this.#tokens.get(tokenId)?.number;
  }

  async queueSize(performanceId: PerformanceId): Promise<QueueSize> {
    await this.#catchUp();
    const queued = this.#queuedIn(performanceId);
    const count = (kind: TokenState['kind']) =>
      queued.filter((token) => !token.isAdmitted && token.state.kind === kind).length;
    return { waiting: count('waiting'), leftBeforeAdmission: count('ended') };
  }

  async queueFront(performanceId: PerformanceId, admittedUpTo: number): Promise<QueueFront> {
    await this.#catchUp();
    const admission = this.#admissions.get(performanceId) ?? admissionDecider.initialState;
    const queued = this.#queuedIn(performanceId);
    const isOver = ({ state }: { readonly state: TokenState }) => state.kind === 'ended';
    const queue = {
      opened: admission.opening !== undefined,
      issued: this.#issued.get(performanceId) ?? 0,
      admitted_up_to: admission.admittedUpTo,
      admitted: queued.filter((token) => token.isAdmitted && !isOver(token)).length,
      entered: 0, // counted as admitted
      ended_since: queued.filter((token) => !token.isAdmitted && token.place < admittedUpTo && isOver(token))
        .length,
    };
    return frontOf(queue, admittedUpTo);
  }

  async waitingPlaces(performanceId: PerformanceId, fromPlace: number, limit: number): Promise<number[]> {
    await this.#catchUp();
    return this.#queuedIn(performanceId)
      .filter(({ state, isAdmitted }) => state.kind === 'waiting' && !isAdmitted)
      .map(({ place }) => place)
      .filter((place) => place >= fromPlace)
      .sort((a, b) => a - b)
      .slice(0, limit);
  }

  async schedulesOfVenue(venueId: VenueId): Promise<ScheduleId[]> {
    await this.#catchUp();
    const schedules = [...this.#schedules.values()];
    return schedules.filter((s) => s.venueId === venueId).map(({ scheduleId }) => scheduleId);
  }

  async schedulesOfPerformance(performanceId: PerformanceId, now: Instant): Promise<ScheduleId[]> {
    await this.#catchUp();
    const dates = [...this.#schedules.values()].filter((date) => date.performanceId === performanceId);
    return dates.filter(({ startsAt }) => startsAt > now).map(({ scheduleId }) => scheduleId);
  }

  async ownedSeats(scheduleId: ScheduleId, after: SeatId | null, limit: number): Promise<OwnedSeat[]> {
    await this.#catchUp();
    const owned = [...(this.#seats.get(scheduleId) ?? [])].flatMap(([seatId, state]): OwnedSeat[] => {
      if (state.kind === 'free' || (after !== null && seatId <= after)) return [];
      if (state.kind === 'held') {
        const { holdId, tokenId } = state;
        return [{ scheduleId, seatId, kind: 'held', holdId, tokenId }];
      }
      return [{ scheduleId, seatId, kind: 'reserved', orderId: state.orderId }];
    });
    return owned.sort((a, b) => (a.seatId < b.seatId ? -1 : 1)).slice(0, limit);
  }

  async sale(performanceId: PerformanceId, now: Instant): Promise<Sale> {
    await this.#catchUp();
    const performance = this.#performances.get(performanceId);
    const schedules = [...this.#schedules.values()].filter((date) => date.performanceId === performanceId);
    const dates = schedules.map(({ scheduleId, venueId, status, startsAt }) => {
      const venue = this.#venues.get(venueId) ?? venueDecider.initialState;
      const seats = planRows(venue)
        .flatMap((row) => row.seats)
        .filter(({ category }) => performance && priceOf(performance, category) !== undefined);
      const states = this.#seats.get(scheduleId);
      const count = (kind: SeatState['kind']) =>
        seats.filter(({ seatId }) => (states?.get(seatId)?.kind ?? 'free') === kind).length;
      return {
        status,
        schedule_date_time: startsAt,
        capacity: seats.length,
        available_seats: count('free'),
        held_seats: count('held'),
      };
    });
    return saleOf(dates, performance?.sales.closesAt ?? null, now);
  }

  async unfinishedBusiness(): Promise<UnfinishedBusiness[]> {
    return this.business;
  }

  #queuedIn(performanceId: PerformanceId) {
    const { opening, admittedUpTo } = this.#admissions.get(performanceId) ?? admissionDecider.initialState;
    const shuffled = opening ? drawnPlaces(opening) : new Uint32Array();
    return [...this.#tokens.values()].flatMap(({ number, state, ...token }) => {
      if (token.performanceId !== performanceId || number === undefined) return [];
      const place = shuffled[number] ?? number;
      return [{ place, state, isAdmitted: place < admittedUpTo }];
    });
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      // Positions of the store in memory are 1, 2, 3, …, so the next one is known.
      const read = await this.store.readAll({ from: (this.#folded + 1) as Position });
      const newestMs = this.behindMs === 0 ? Number.POSITIVE_INFINITY : this.clock.nowMs() - this.behindMs;
      const page = read.filter(({ recordedAtMs }) => recordedAtMs <= newestMs);
      if (page.length === 0) return;
      // A concurrent caller may have folded some of the page already.
      for (const recorded of page) if (recorded.position > this.#folded) this.#fold(recorded);
    }
  }

  #fold(recorded: RecordedEvent): void {
    this.#folded = recorded.position;
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'SeatHeld':
      case 'SeatHoldReleased':
      case 'SeatHoldExpired':
      case 'SeatHoldBarred':
      case 'SeatReserved':
      case 'SeatReservationCancelled': {
        const { scheduleId, seatId } = event.data;
        const seats = this.#seats.get(scheduleId) ?? new Map<SeatId, SeatState>();
        seats.set(seatId, seatDecider.evolve(seats.get(seatId) ?? seatDecider.initialState, event));
        this.#seats.set(scheduleId, seats);
        return;
      }
      case 'TokenIssued':
        this.#issued.set(event.data.performanceId, recorded.revision + 1);
        this.#changeToken(event.data, ({ number, state }) => ({
          number: number ?? recorded.revision,
          state,
        }));
        return;
      case 'TokenRequested':
      case 'TokenEntered':
      case 'SeatsRequested':
      case 'SeatsRequestRepeated':
      case 'SeatsReturned':
      case 'TokenCompleted':
      case 'TokenExpired':
      case 'TokenLeft':
        this.#changeToken(event.data, ({ number, state }) => ({
          number,
          state: tokenDecider.evolve(state, event),
        }));
        return;
      case 'DrawClosed':
      case 'QueueOpened':
      case 'TokensAdmitted': {
        const { performanceId } = event.data;
        const before = this.#admissions.get(performanceId) ?? admissionDecider.initialState;
        this.#admissions.set(performanceId, admissionDecider.evolve(before, event));
        return;
      }
      case 'VenuePublished':
      case 'SectionPublished':
      case 'SectionWithdrawn': {
        const { venueId } = event.data;
        const before = this.#venues.get(venueId) ?? venueDecider.initialState;
        this.#venues.set(venueId, venueDecider.evolve(before, event));
        return;
      }
      case 'PerformancePublished':
        this.#performances.set(event.data.performanceId, event.data);
        return;
      case 'SchedulePublished':
        this.#schedules.set(event.data.scheduleId, event.data);
        return;
      case 'ScheduleCancelled': {
        const known = this.#schedules.get(event.data.scheduleId);
        if (known) this.#schedules.set(known.scheduleId, { ...known, status: 'cancelled' });
        return;
      }
      default:
        return; // the commands ask nothing that the other events would answer
    }
  }

  #changeToken(
    { tokenId, performanceId }: { tokenId: TokenId; performanceId: PerformanceId },
    change: (token: Pick<QueuedToken, 'number' | 'state'>) => Pick<QueuedToken, 'number' | 'state'>,
  ): void {
    const before = this.#tokens.get(tokenId) ?? { number: undefined, state: tokenDecider.initialState };
    this.#tokens.set(tokenId, { performanceId, ...change(before) });
  }
}
