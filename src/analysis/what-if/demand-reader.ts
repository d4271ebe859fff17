import { shuffledPlaces } from '../../domain/shuffle.js';
import type { RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import type { PerformanceId, TokenId } from '../../events/ids.js';
import { type DomainEvent, decodeEvent } from '../../events/registry.js';
import type { Demand } from './demand.js';
import { RecordedCatalog } from './recorded-catalog.js';
import { RecordedSales } from './recorded-sales.js';
import { fanOf, hasGivenUp, isUnfinished, type Trace, type TraceEnd } from './trace.js';

/** The recording cannot be replayed. */
export class NothingToReplay extends Error {
  override readonly name = 'NothingToReplay';
}

/**
 * Reads the demand of one performance out of a whole log, event by event in log order. Keeps a few hundred bytes for
 * each fan and each seat of the performance, whatever else the log holds.
 */
export class DemandReader {
  readonly #catalog: RecordedCatalog;
  readonly #sales = new RecordedSales();
  readonly #traces = new Map<TokenId, Trace>();
  readonly #admissions: { from: number; to: number; atMs: number }[] = [];
  #opening: { seed: string; shuffledCount: number; atMs: number } | undefined;
  #lastAtMs = 0;

  constructor(private readonly performanceId: PerformanceId) {
    this.#catalog = new RecordedCatalog(performanceId);
  }

  /** How many fans were seen so far. */
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
        return; // the other events of a performance are not of one turn
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
   * @throws {NothingToReplay} when the performance is unknown, its queue never opened, or nobody was let in.
   */
  finish(): Demand {
    const catalog = this.#catalog.finish();
    if (!catalog) throw new NothingToReplay(`the log knows no performance ${this.performanceId}`);
    const opening = this.#opening;
    if (!opening) throw new NothingToReplay('its queue has not opened yet: there is no sale to replay');
    if (this.#admissions.length === 0) {
      throw new NothingToReplay('nobody was let in: there is no behaviour to replay');
    }
    const places = shuffledPlaces(opening.seed, opening.shuffledCount);
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

  /** When a place was let in (binary search: admissions are in order of places). */
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
