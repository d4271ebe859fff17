import { setImmediate } from 'node:timers/promises';
import {
  type PerformanceDetails,
  type ScheduleDetails,
  type VenueState,
  venueDecider,
} from '../../domain/catalog.js';
import { type Draw, drawnPlaces } from '../../domain/shuffle.js';
import type { EventStore, RecordedEvent } from '../../event-store/port.js';
import { pagesOf } from '../../event-store/reading.js';
import type { SalesRules } from '../../events/catalog-events.js';
import type { EventMetadata } from '../../events/event.js';
import type {
  HoldId,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  VenueId,
} from '../../events/ids.js';
import type { OrderEvent } from '../../events/order-events.js';
import { type DomainEvent, decodeEvent } from '../../events/registry.js';
import { capacityOf, type Demand, type Hall, hallOf } from './demand.js';
import { Tally } from './outcome.js';
import { fanOf, type HoldTrace, hasGivenUp, isUnfinished, type Trace, type TraceEnd } from './trace.js';

/**
 * Reads a performance's demand from the log, in one pass.
 * @param onProgress called after each page.
 * @throws {NothingToReplay} when there is nothing to replay.
 */
export async function readDemand(
  store: Pick<EventStore, 'readAll'>,
  performanceId: PerformanceId,
  onProgress: (progress: { readonly events: number; readonly fans: number }) => void = () => undefined,
): Promise<Demand> {
  const reader = new DemandReader(performanceId);
  let events = 0;
  for await (const page of pagesOf((options) => store.readAll(options))) {
    for (const event of page) reader.apply(event);
    events += page.length;
    onProgress({ events, fans: reader.fans });
    await setImmediate();
  }
  return reader.finish();
}

/** The recording cannot be replayed. */
export class NothingToReplay extends Error {
  override readonly name = 'NothingToReplay';
}

/**
 * Extracts the demand of one performance from a whole log, event by event. Keeps a few hundred bytes for each fan and
 * each seat of the performance, whatever else the log has.
 */
class DemandReader {
  readonly #catalog: RecordedCatalog;
  readonly #sales = new RecordedSales();
  readonly #traces = new Map<TokenId, Trace>();
  readonly #admissions: { from: number; to: number; atMs: number }[] = [];
  #opening: (Draw & { readonly atMs: number }) | undefined;
  #lastAtMs = 0;

  constructor(private readonly performanceId: PerformanceId) {
    this.#catalog = new RecordedCatalog(performanceId);
  }

  /** Fans found so far. */
  get fans(): number {
    return this.#traces.size;
  }

  apply(recorded: RecordedEvent): void {
    const event = decodeEvent(recorded);
    // encodeEvent wrote it.
    const { occurredAt } = recorded.metadata as EventMetadata;
    const atMs = Date.parse(occurredAt);
    if (this.#catalog.apply(event, this.#opening !== undefined)) return;
    const isOurs = this.#applyQueue(event, recorded.revision, atMs) || this.#applySales(event, atMs);
    if (isOurs) this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
  }

  /** @returns whether the event is of this performance's queue or turns. */
  #applyQueue(event: DomainEvent, revision: number, atMs: number): boolean {
    if (!('performanceId' in event.data) || event.data.performanceId !== this.performanceId) return false;
    if (event.type === 'QueueOpened') this.#opening = { ...event.data, atMs };
    if (event.type === 'TokensAdmitted')
      this.#admissions.push({ ...event.data, atMs: Date.parse(event.data.admittedAt) });
    if (event.type === 'TokenRequested') {
      const { tokenId, numberOfTickets, seatLimit } = event.data;
      this.#traces.set(tokenId, {
        requestedAtMs: atMs,
        numberOfTickets,
        seatLimit,
        joined: undefined,
        entered: undefined,
        ended: undefined,
        holds: new Map(),
      });
    }
    const trace = 'tokenId' in event.data ? this.#traces.get(event.data.tokenId) : undefined;
    if (trace) this.#applyToTurn(event, trace, revision, atMs);
    return true;
  }

  #applyToTurn(event: DomainEvent, trace: Trace, revision: number, atMs: number): void {
    const end = (how: TraceEnd['how']) => {
      const isSoldOut = this.#catalog.capacity() - this.#sales.taken < trace.numberOfTickets;
      trace.ended = { atMs, how, isSoldOut };
    };
    switch (event.type) {
      case 'TokenIssued':
        trace.joined ??= { number: revision, atMs };
        return;
      case 'TokenEntered':
        trace.entered = { atMs, admittedAtMs: Date.parse(event.data.admittedAt) };
        return;
      case 'SeatsRequested': {
        const { holdId, scheduleId, seatIds, request } = event.data;
        const seen = {
          returned: undefined,
          orderedAtMs: undefined,
          paidAtMs: undefined,
          cancelledAtMs: undefined,
        };
        const hold = { atMs, scheduleId, seatIds, request, ...seen };
        trace.holds.set(holdId, hold);
        return;
      }
      case 'SeatsReturned': {
        const hold = trace.holds.get(event.data.holdId);
        if (hold) hold.returned ??= { atMs, reason: event.data.reason };
        return;
      }
      case 'OrderPlaced':
        this.#sales.placeOrder(event.data, trace, atMs);
        return;
      case 'TokenCompleted':
        end('completed');
        return;
      case 'TokenLeft':
        end('left');
        return;
      case 'TokenExpired':
        end(event.data.reason);
        return;
      default:
        return; // other events do not belong to one turn
    }
  }

  #applySales(event: DomainEvent, atMs: number): boolean {
    if (event.type === 'OrderPaid' || event.type === 'OrderCancelled')
      return this.#sales.settleOrder(event, atMs);
    if (!('seatId' in event.data) || !('scheduleId' in event.data)) return false;
    if (!this.#catalog.hasDate(event.data.scheduleId)) return false;
    this.#sales.applySeat(event, atMs);
    return true;
  }

  /**
   * The demand, after the last event of the log.
   * @throws {NothingToReplay} when the performance is unknown, its queue never opened, or no fan was admitted.
   */
  finish(): Demand {
    const catalog = this.#catalog.finish();
    if (!catalog) throw new NothingToReplay(`the log has no performance ${this.performanceId}`);
    const opening = this.#opening;
    if (!opening) throw new NothingToReplay('its queue has not opened yet: there is no sale to replay');
    if (this.#admissions.length === 0) {
      throw new NothingToReplay('nobody was admitted: there is no behaviour to replay');
    }
    const places = drawnPlaces(opening);
    const tally = this.#sales.tally(opening.atMs);
    let isCutOff = false;
    const fans = [];
    for (const trace of this.#traces.values()) {
      if (!trace.joined || trace.ended?.how === 'queue-full') continue;
      const place = places[trace.joined.number] ?? trace.joined.number;
      const admittedAtMs = trace.entered?.admittedAtMs ?? this.#admittedAtMs(place);
      const gaveUp = hasGivenUp(trace, admittedAtMs);
      isCutOff ||= isUnfinished(trace, admittedAtMs);
      if (gaveUp) tally.gaveUp++;
      else if (admittedAtMs !== undefined) tally.admit(trace.joined.atMs, admittedAtMs);
      if (!gaveUp && admittedAtMs !== undefined && trace.ended && !trace.entered) tally.missedTurn++;
      if ([...trace.holds.values()].some((hold) => hold.paidAtMs !== undefined)) tally.bought++;
      fans.push(fanOf(trace, place, gaveUp ? undefined : admittedAtMs, this.#lastAtMs));
    }
    fans.sort((a, b) => a.place - b.place);
    const { rules, laterRevisions, hall, capacity, lastDateMs } = catalog;
    return {
      performanceId: this.performanceId,
      rules,
      laterRevisions,
      openedAtMs: opening.atMs,
      hall,
      fans,
      untilMs: isCutOff ? this.#lastAtMs : lastDateMs,
      isCutOff,
      recorded: tally.outcome(fans.length, capacity),
    };
  }

  /** When a place was admitted (binary search: admissions are in order of places). */
  #admittedAtMs(place: number): number | undefined {
    let [low, high] = [0, this.#admissions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#admissions[middle]?.to ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return this.#admissions[low]?.atMs;
  }
}

/** What was on sale, according to the log. */
class RecordedCatalog {
  readonly #venues = new Map<VenueId, VenueState>();
  readonly #dates = new Map<ScheduleId, ScheduleDetails>();
  #details: PerformanceDetails | undefined;
  #rulesAtOpening: SalesRules | undefined;
  #laterRevisions = 0;
  #hall: Hall | undefined;

  constructor(private readonly performanceId: PerformanceId) {}

  /**
   * @param isOpen whether the queue has opened: rules published later are counted, not used.
   * @returns whether it is a catalog event, of any performance.
   */
  apply(event: DomainEvent, isOpen: boolean): boolean {
    switch (event.type) {
      case 'VenuePublished':
      case 'SectionPublished':
      case 'SectionWithdrawn': {
        const { venueId } = event.data;
        const venue = this.#venues.get(venueId) ?? venueDecider.initialState;
        this.#venues.set(venueId, venueDecider.evolve(venue, event));
        break;
      }
      case 'PerformancePublished': {
        if (event.data.performanceId !== this.performanceId) return true;
        const isChanged = JSON.stringify(event.data.sales) !== JSON.stringify(this.#details?.sales);
        if (isOpen && isChanged) this.#laterRevisions++;
        else this.#rulesAtOpening = event.data.sales;
        this.#details = event.data;
        break;
      }
      case 'SchedulePublished':
        if (event.data.performanceId !== this.performanceId) return true;
        this.#dates.set(event.data.scheduleId, event.data);
        break;
      default:
        return false;
    }
    this.#hall = undefined;
    return true;
  }

  hasDate(scheduleId: ScheduleId): boolean {
    return this.#dates.has(scheduleId);
  }

  /** Seats for sale on all dates, as known so far. */
  capacity(): number {
    return capacityOf(this.#currentHall());
  }

  /** Undefined when the performance was never published. */
  finish() {
    const rules = this.#rulesAtOpening;
    if (!rules) return undefined;
    const hall = this.#currentHall();
    const lastDateMs = Math.max(...[...hall.values()].map(({ startsAtMs }) => startsAtMs));
    return { rules, laterRevisions: this.#laterRevisions, hall, capacity: capacityOf(hall), lastDateMs };
  }

  #currentHall(): Hall {
    const details = this.#details;
    this.#hall ??= details
      ? hallOf(details, this.#dates.values(), ({ venueId }) => this.#venues.get(venueId))
      : new Map();
    return this.#hall;
  }
}

type DataOf<Type extends OrderEvent['type']> = Extract<OrderEvent, { type: Type }>['data'];

/** The seats of one performance, and the orders for them. */
class RecordedSales {
  /** Seats held or sold, `scheduleId seatId`. */
  readonly #taken = new Set<string>();
  readonly #orders = new Map<OrderId, readonly HoldTrace[]>();
  readonly #sales: { readonly seats: 1 | -1; readonly atMs: number }[] = [];
  readonly #holds = new Set<HoldId>();
  readonly #lapsed = new Set<HoldId>();

  get taken(): number {
    return this.#taken.size;
  }

  placeOrder({ orderId, items }: DataOf<'OrderPlaced'>, trace: Trace, atMs: number): void {
    const holdIds = new Set(items.map(({ holdId }) => holdId));
    const holds = [...holdIds].flatMap((holdId) => trace.holds.get(holdId) ?? []);
    for (const hold of holds) hold.orderedAtMs = atMs;
    this.#orders.set(orderId, holds);
  }

  /** @returns whether the order is of this performance. */
  settleOrder(event: Extract<OrderEvent, { type: 'OrderPaid' | 'OrderCancelled' }>, atMs: number): boolean {
    const holds = this.#orders.get(event.data.orderId);
    for (const hold of holds ?? []) {
      if (event.type === 'OrderPaid') hold.paidAtMs = atMs;
      else hold.cancelledAtMs = atMs;
    }
    return holds !== undefined;
  }

  applySeat(event: DomainEvent, atMs: number): void {
    switch (event.type) {
      case 'SeatHeld':
        this.#taken.add(keyOf(event.data));
        this.#holds.add(event.data.holdId);
        return;
      case 'SeatHoldExpired':
        this.#taken.delete(keyOf(event.data));
        this.#lapsed.add(event.data.holdId);
        return;
      case 'SeatHoldReleased':
        this.#taken.delete(keyOf(event.data));
        // A hold that lost a race half-way does not count.
        if (event.data.reason === 'conflict') this.#holds.delete(event.data.holdId);
        return;
      case 'SeatReserved':
        this.#sales.push({ seats: 1, atMs });
        return;
      case 'SeatReservationCancelled':
        this.#taken.delete(keyOf(event.data));
        this.#sales.push({ seats: -1, atMs });
        return;
      default:
        return; // only these name a seat
    }
  }

  /** Counts of holds and sales; the caller adds those of the fans. */
  tally(openedAtMs: number): Tally {
    const tally = new Tally(openedAtMs);
    tally.holds = this.#holds.size;
    tally.lapsedHolds = this.#lapsed.size;
    for (const { seats, atMs } of this.#sales) tally.sell(seats, atMs);
    return tally;
  }
}

function keyOf({ scheduleId, seatId }: { readonly scheduleId: ScheduleId; readonly seatId: SeatId }): string {
  return `${scheduleId} ${seatId}`;
}
