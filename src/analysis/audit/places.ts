import { type PriceCategory, rowsOf, standingRow } from '../../events/catalog-events.js';
import { addMs, type Instant, type PerformanceId, type ScheduleId, type VenueId } from '../../events/ids.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { seatKey } from './seats.js';

interface Named {
  readonly place: string;
  readonly category: string;
}

interface PlaceWords {
  readonly sectionName: string;
  readonly row: string;
  readonly number: string;
}

/** A ticket that is sold, by what it says. */
interface Ticket {
  readonly key: string;
  readonly ref: EventRef;
}

/** A price list or a category that holds until something replaces it; then it may be used a little longer. */
interface Version<Value> {
  readonly value: Value;
  readonly until: Instant | undefined;
}

/** Halls may name their places alike. */
const placeIn = (venueId: VenueId, { sectionName, row, number }: PlaceWords) =>
  `${sectionName}, ${row === standingRow ? 'entry' : `row ${row}, number`} ${number} of venue ${venueId}`;

/**
 * Checks what a ticket says and costs: no two tickets of a date name one place, and a hold costs what the price list
 * said. A process may decide on a catalog that was replaced up to `settleMs` before.
 */
export class Tickets implements CheckGroup {
  readonly #seats = new Map<VenueId, Map<string, Version<Named>[]>>();
  readonly #prices = new Map<PerformanceId, Version<readonly PriceCategory[]>[]>();
  readonly #dates = new Map<ScheduleId, { performanceId: PerformanceId; halls: Set<VenueId> }>();
  /** What orders say of their seats, by seat key. */
  readonly #words = new Map<string, { readonly orderId: string; readonly place: string }>();
  readonly #placeOfSold = new Map<string, { readonly scheduleId: ScheduleId; readonly place: string }>();
  readonly #sold = new Map<ScheduleId, Map<string, Ticket>>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SectionPublished: ({ data, at }) => {
      const seats = this.#seats.get(data.venueId) ?? new Map<string, Version<Named>[]>();
      this.#seats.set(data.venueId, seats);
      for (const { label, seats: ofRow } of rowsOf(data)) {
        for (const { seatId, number, category } of ofRow) {
          const value = {
            place: placeIn(data.venueId, { sectionName: data.name, row: label, number }),
            category,
          };
          const before = seats.get(seatId) ?? [];
          const current = before.at(-1)?.value;
          if (current?.place === value.place && current.category === category) continue;
          seats.set(seatId, this.#replaced(before, value, at));
        }
      }
    },
    SeatsRenumbered: ({ data }) => this.#renumber(data),
    PerformancePublished: ({ data, at }) => {
      const before = this.#prices.get(data.performanceId) ?? [];
      this.#prices.set(data.performanceId, this.#replaced(before, data.prices, at));
    },
    SchedulePublished: ({ data }) => {
      const { scheduleId, performanceId, venueId } = data;
      const halls = this.#dates.get(scheduleId)?.halls ?? new Set();
      // The present hall is the last.
      halls.delete(venueId);
      this.#dates.set(scheduleId, { performanceId, halls: halls.add(venueId) });
    },
    SeatHeld: (fact) => this.#expectPrice(fact),
    OrderPlaced: ({ data }) => {
      for (const item of data.items) {
        if (!item.sold) continue;
        this.#words.set(seatKey(item), {
          orderId: data.orderId,
          place: placeIn(item.sold.venueId, item.sold),
        });
      }
    },
    SeatReserved: (fact) => this.#expectOwnPlace(fact),
    SeatReservationCancelled: ({ data }) => {
      const key = seatKey(data);
      const sold = this.#placeOfSold.get(key);
      this.#placeOfSold.delete(key);
      const tickets = this.#sold.get(data.scheduleId);
      if (sold && tickets?.get(sold.place)?.key === key) tickets.delete(sold.place);
    },
  };

  /** The last version, and those that may still be used. */
  #replaced<Value>(before: readonly Version<Value>[], value: Value, at: Instant): Version<Value>[] {
    const usable = before
      .map((version) => ({ value: version.value, until: version.until ?? at }))
      .filter(({ until }) => addMs(until, this.options.settleMs) >= at);
    return [...usable, { value, until: undefined }];
  }

  #usable<Value>(versions: readonly Version<Value>[] | undefined, at: Instant): Value[] {
    return (versions ?? [])
      .filter(({ until }) => until === undefined || addMs(until, this.options.settleMs) >= at)
      .map(({ value }) => value);
  }

  #expectPrice({ data, at, ref }: Fact<'SeatHeld'>): void {
    const { scheduleId, seatId, price } = data;
    const date = this.#dates.get(scheduleId);
    const categories = [...(date?.halls ?? [])].flatMap((venueId) =>
      this.#usable(this.#seats.get(venueId)?.get(seatId), at).map(({ category }) => category),
    );
    if (!date || categories.length === 0) return; // the checks of the plan report it
    const lists = this.#usable(this.#prices.get(date.performanceId), at);
    const prices = lists.flatMap((list) => categories.map((category) => priceIn(list, category)));
    this.findings.expect(
      'price-in-force',
      prices.includes(price),
      () =>
        `seat ${seatKey(data)} is held for ${price} points, its price is ${[...new Set(prices)].map((one) => one ?? 'not for sale').join(' or ')}`,
      ref,
    );
  }

  #expectOwnPlace({ data, ref }: Fact<'SeatReserved'>): void {
    const { scheduleId, seatId, orderId } = data;
    const key = seatKey(data);
    const words = this.#words.get(key);
    const place = words?.orderId === orderId ? words.place : this.#plannedPlace(scheduleId, seatId);
    if (place === undefined) return; // the checks of the plan report it
    const tickets = this.#sold.get(scheduleId) ?? new Map<string, Ticket>();
    this.#sold.set(scheduleId, tickets);
    const other = tickets.get(place);
    this.findings.expect(
      'place-sold-once',
      other === undefined || other.key === key,
      () => `"${place}" is sold as seat ${key} and as seat ${other?.key}`,
      ref,
      ...(other ? [other.ref] : []),
    );
    tickets.set(place, { key, ref });
    this.#placeOfSold.set(key, { scheduleId, place });
  }

  #plannedPlace(scheduleId: ScheduleId, seatId: string): string | undefined {
    const halls = [...(this.#dates.get(scheduleId)?.halls ?? [])].reverse();
    for (const venueId of halls) {
      const named = this.#seats.get(venueId)?.get(seatId)?.at(-1);
      if (named) return named.value.place;
    }
    return undefined;
  }

  /** An operator has accepted that tickets which are sold mean another place from here on. */
  #renumber({ venueId, seats }: Fact<'SeatsRenumbered'>['data']): void {
    for (const [scheduleId, { halls }] of this.#dates) {
      const tickets = this.#sold.get(scheduleId);
      if (!tickets || !halls.has(venueId)) continue;
      const moved = seats.flatMap(({ seatId, to }) => {
        const key = seatKey({ scheduleId, seatId });
        const sold = this.#placeOfSold.get(key);
        const ticket = sold && tickets.get(sold.place);
        return ticket?.key === key
          ? [{ key, ticket, from: sold?.place ?? '', to: placeIn(venueId, to) }]
          : [];
      });
      for (const { from } of moved) tickets.delete(from);
      for (const { key, ticket, to } of moved) {
        tickets.set(to, ticket);
        this.#placeOfSold.set(key, { scheduleId, place: to });
      }
    }
  }
}

function priceIn(list: readonly PriceCategory[], category: string): number | null {
  const entry = list.find((one) => one.category === category) ?? list.find((one) => one.category === '*');
  return entry?.price ?? null;
}
