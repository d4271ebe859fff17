import type {
  Business,
  QueueNumbers,
  SaleDates,
  SeatAvailability,
  UnfinishedBusiness,
  VenueUse,
  WaitingLine,
} from '../../src/commands/ports.js';
import { type AdmissionState, admissionDecider } from '../../src/domain/admission.js';
import type { ScheduleDetails } from '../../src/domain/catalog.js';
import { isFree, type SeatState, seatDecider } from '../../src/domain/seat.js';
import { shuffledPlaces } from '../../src/domain/shuffle.js';
import { type TokenState, tokenDecider } from '../../src/domain/token.js';
import type { EventStore, Position, RecordedEvent } from '../../src/event-store/port.js';
import type { Instant, PerformanceId, ScheduleId, SeatId, TokenId, VenueId } from '../../src/events/ids.js';
import { decodeEvent } from '../../src/events/registry.js';

interface QueuedToken {
  readonly performanceId: PerformanceId;
  readonly number: number | undefined;
  readonly state: TokenState;
}

/** The read-model ports of the commands, folded from the log whenever one is asked. */
export class FoldedModels
  implements SeatAvailability, QueueNumbers, WaitingLine, VenueUse, SaleDates, UnfinishedBusiness
{
  /** What every user still has going; undefined: not known. Tests set it. */
  business: readonly Business[] | undefined = [];
  #folded = 0;
  readonly #seats = new Map<ScheduleId, Map<SeatId, SeatState>>();
  readonly #tokens = new Map<TokenId, QueuedToken>();
  readonly #admissions = new Map<PerformanceId, AdmissionState>();
  readonly #schedules = new Map<ScheduleId, ScheduleDetails>();

  constructor(private readonly store: EventStore) {}

  async unavailableSeats(scheduleId: ScheduleId, now: Instant): Promise<ReadonlySet<SeatId>> {
    await this.#catchUp();
    const seats = [...(this.#seats.get(scheduleId) ?? [])];
    return new Set(seats.filter(([, state]) => !isFree(state, now)).map(([seatId]) => seatId));
  }

  async numberOf(tokenId: TokenId): Promise<number | undefined> {
    await this.#catchUp();
    return this.#tokens.get(tokenId)?.number;
  }

  async queueSize(performanceId: PerformanceId): Promise<{ waiting: number; leftWaiting: number }> {
    await this.#catchUp();
    const queued = this.#queuedIn(performanceId).filter(({ isAdmitted }) => !isAdmitted);
    return {
      waiting: queued.filter(({ state }) => state.kind === 'waiting').length,
      leftWaiting: queued.filter(({ state }) => state.kind === 'ended').length,
    };
  }

  async look(performanceId: PerformanceId, options: { after: Position; from: number; limit: number }) {
    await this.#catchUp();
    const queued = this.#queuedIn(performanceId);
    const waitingPlaces = queued
      .filter(({ state, isAdmitted }) => state.kind === 'waiting' && !isAdmitted)
      .map(({ place }) => place)
      .filter((place) => place >= options.from)
      .sort((a, b) => a - b)
      .slice(0, options.limit);
    const active = queued.filter(({ state, isAdmitted }) => isAdmitted && state.kind !== 'ended').length;
    return { waitingPlaces, active };
  }

  async schedulesOf(venueId: VenueId): Promise<readonly ScheduleId[]> {
    await this.#catchUp();
    const schedules = [...this.#schedules.values()];
    return schedules.filter((s) => s.venueId === venueId).map(({ scheduleId }) => scheduleId);
  }

  async takenSeats(scheduleId: ScheduleId, now: Instant): Promise<ReadonlySet<SeatId> | undefined> {
    return this.unavailableSeats(scheduleId, now);
  }

  async isSaleOver(performanceId: PerformanceId, now: Instant): Promise<boolean> {
    await this.#catchUp();
    const dates = [...this.#schedules.values()].filter((date) => date.performanceId === performanceId);
    return dates.length > 0 && dates.every((date) => date.status === 'cancelled' || date.startsAt <= now);
  }

  async of(): Promise<readonly Business[] | undefined> {
    return this.business;
  }

  #queuedIn(performanceId: PerformanceId) {
    const { opening, admittedUpTo } = this.#admissions.get(performanceId) ?? admissionDecider.initialState;
    const shuffled = opening ? shuffledPlaces(opening.seed, opening.shuffledCount) : new Uint32Array();
    return [...this.#tokens.values()].flatMap(({ number, state, ...token }) => {
      if (token.performanceId !== performanceId || number === undefined) return [];
      const place = shuffled[number] ?? number;
      return [{ place, state, isAdmitted: place < admittedUpTo }];
    });
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      // Positions of the store in memory are 1, 2, 3, …, so the next one is known.
      const page = await this.store.readAll({ from: (this.#folded + 1) as Position });
      if (page.length === 0) return;
      // Whoever else asked at the same time may have folded some of the page already.
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
      case 'QueueOpened':
      case 'TokensAdmitted': {
        const { performanceId } = event.data;
        const before = this.#admissions.get(performanceId) ?? admissionDecider.initialState;
        this.#admissions.set(performanceId, admissionDecider.evolve(before, event));
        return;
      }
      case 'SchedulePublished':
        this.#schedules.set(event.data.scheduleId, event.data);
        return;
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
