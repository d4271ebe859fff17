import { type CatalogDocument, catalogDocumentSchema } from '../domain/catalog-document.js';
import {
  type Instant,
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
} from '../events/ids.js';
import { deriveId } from '../platform/derive-id.js';
import type { Random } from './random.js';

/** What one simulation sells: few seats, to many fans, with short deadlines. */
export interface Sale {
  readonly performances: readonly PerformanceOnSale[];
  readonly seatIds: readonly SeatId[];
  /** The organiser's feed; each call but the first may change plan, prices and dates. */
  revise(nowMs: number): FeedRevision;
}

export interface PerformanceOnSale {
  readonly performanceId: PerformanceId;
  readonly dates: readonly DateOnSale[];
  readonly seatLimit: number;
}

/** A date as the organiser plans it. The office learns of it from a feed that may be lost or late. */
export interface DateOnSale {
  readonly scheduleId: ScheduleId;
  /** The office has confirmed that it knows the date. */
  isPublished: boolean;
  /** How the organiser cancelled it; undefined: it takes place. */
  cancelled: 'by command' | 'in the feed' | 'left out of the feed' | undefined;
}

export interface FeedRevision {
  readonly document: CatalogDocument;
  /** The dates that it announces. */
  readonly announced: readonly { readonly date: DateOnSale; readonly startsAt: Instant }[];
  /** Dates that the feed leaves out are cancelled. */
  readonly cancelMissing: boolean;
}

interface PlannedDate extends DateOnSale {
  /** What the feed calls it: some feeds make the id from the time. */
  externalId: string;
  readonly firstExternalId: string;
  startsAt: Instant;
  hasChangedDay: boolean;
}

interface PlannedPerformance extends PerformanceOnSale {
  readonly externalId: string;
  readonly dates: PlannedDate[];
  /** Dates that the organiser wants to have on sale. */
  readonly wantedDates: number;
  readonly sales: NonNullable<CatalogDocument['performances'][number]['sales']>;
}

const source = 'simulation';
const dayMs = 86_400_000;
/** A month after the run; dates before it begin while tickets are sold. */
const firstDayMs = Date.parse('2026-12-24T00:00:00.000Z');
/** Dates that one performance may have had. */
const maxDates = 8;

/**
 * Draws a sale: few seats, short holds, a small maxActive, and how often the organiser changes it.
 * @param unpaid randomness of the rules about holds without a payment.
 */
export function drawSale(chance: Random, nowMs: number, unpaid: Random): Sale {
  const rows = chance.between(1, 2);
  const seatsInRow = chance.between(2, 5);
  const categories = ['R', 'S'].slice(0, rows);
  const moves = chance.pick([0, 0, 0.1, 0.3]) ?? 0;
  const cancels = chance.pick([0, 0, 0.02, 0.1]) ?? 0;
  let day = 0;
  const nextDay = () => toInstant(firstDayMs + day++ * dayMs + 10 * 3_600_000);

  const addDate = (performance: Omit<PlannedPerformance, 'sales'>, startsAt: Instant) => {
    const externalId = `date ${performance.dates.length}`;
    const scheduleId = scheduleIdSchema.parse(
      deriveId('schedule', source, performance.externalId, externalId),
    );
    performance.dates.push({
      scheduleId,
      externalId,
      firstExternalId: externalId,
      startsAt,
      hasChangedDay: false,
      isPublished: false,
      cancelled: undefined,
    });
  };

  const performances: PlannedPerformance[] = Array.from(
    { length: chance.chance(0.25) ? 2 : 1 },
    (_, index) => {
      const externalId = `show ${index}`;
      const performance = {
        performanceId: performanceIdSchema.parse(deriveId('performance', source, externalId)),
        externalId,
        dates: [],
        wantedDates: chance.chance(0.4) ? 2 : 1,
        seatLimit: chance.between(1, 4),
      };
      // Now and then a date begins while tickets are sold.
      const first = chance.chance(0.1) ? toInstant(nowMs + chance.between(20_000, 60_000)) : nextDay();
      addDate(performance, first);
      while (performance.dates.length < performance.wantedDates) addDate(performance, nextDay());
      // Until the start, or until a moment of this sale.
      const cancelBeforeStartMs = chance.chance(0.5)
        ? 0
        : Math.max(0, Date.parse(first) - nowMs - chance.between(5_000, 60_000));
      const sales = {
        opensAt: chance.chance(0.5) ? null : toInstant(nowMs + chance.between(1_000, 8_000)),
        seatLimitPerUser: performance.seatLimit,
        queueCapacity: chance.between(2, 8),
        maxActive: chance.between(1, 4),
        admitPerSecond: chance.pick([0.5, 1, 3, 10]) ?? 1,
        claimWindowMs: chance.between(1_000, 5_000),
        serviceWindowMs: chance.between(3_000, 20_000),
        holdTtlMs: chance.between(1_000, 8_000),
        cancelBeforeStartMs,
        refundWindowMs: chance.pick([0, 10_000, 40_000, 7 * dayMs]) ?? 0,
        // Undefined: not limited, as in performances published by an older build.
        maxLapsedHolds: unpaid.pick([undefined, 1, 2, 3]),
        maxReleasedHolds: unpaid.pick([undefined, 1, 2, 4]),
        seatCoolDownMs: unpaid.pick([undefined, 0, 2_000, 10_000]),
        idleWindowMs: unpaid.pick([undefined, 1_000, 3_000, 8_000]),
        seatReturnWindowMs: unpaid.pick([undefined, 0, 1_500, 6_000]),
        ticketsAskedBind: unpaid.pick([undefined, false, true]),
      };
      return { ...performance, sales };
    },
  );

  const seatId = (row: number, column: number) => seatIdSchema.parse(`${categories[row]}-${column}`);
  const seatIds = categories.flatMap((_, row) =>
    Array.from({ length: seatsInRow }, (_, column) => seatId(row, column)),
  );
  let revision = 0;
  return {
    seatIds,
    performances,
    revise(now) {
      const isFirst = revision++ === 0;
      if (!isFirst) for (const performance of performances) changeDates(performance, now);
      // A later revision may drop the last seats of a row and change prices.
      const dropped = isFirst ? 0 : chance.below(seatsInRow);
      const price = isFirst ? 100 : chance.between(50, 150);
      // An editor's export may call every seat and section by new ids.
      const idPrefix = !isFirst && chance.chance(0.3) ? `export-${revision}-` : '';
      const document = catalogDocumentSchema.parse({
        format: 'boxoffice-catalog',
        version: 1,
        source,
        venues: [{ id: 'hall', name: 'Hall', location: 'Seoul', sections: sections(dropped, idPrefix) }],
        performances: performances.map((performance) => ({
          id: performance.externalId,
          venue: 'hall',
          name: performance.externalId,
          startDate: '2026-11-22',
          endDate: '2027-12-31',
          prices: [{ category: '*', price }],
          sales: performance.sales,
          schedules: performance.dates.flatMap(announce),
        })),
      });
      const cancelMissing = performances.some(({ dates }) =>
        dates.some(({ cancelled }) => cancelled === 'left out of the feed'),
      );
      const announced = performances.flatMap(({ dates }) =>
        dates.flatMap((date) => (date.cancelled ? [] : [{ date, startsAt: date.startsAt }])),
      );
      return { document, announced, cancelMissing };
    },
  };

  /** Moves and cancels dates, and announces others in the place of cancelled ones. */
  function changeDates(performance: PlannedPerformance, now: number): void {
    for (const date of performance.dates) {
      if (date.cancelled) continue;
      if (chance.chance(moves)) move(date, now);
      if (chance.chance(cancels)) {
        date.cancelled = chance.chance(0.5) ? 'in the feed' : 'left out of the feed';
      }
    }
    const planned = performance.dates.filter(({ cancelled }) => !cancelled).length;
    const isShort = planned < performance.wantedDates && performance.dates.length < maxDates;
    if (isShort && chance.chance(0.8)) addDate(performance, nextDay());
  }

  function move(date: PlannedDate, now: number): void {
    const isRenamed = date.externalId !== date.firstExternalId;
    const startMs = Date.parse(date.startsAt);
    if (startMs < firstDayMs) {
      // It begins soon; a date that has begun stays as it is.
      if (startMs > now) date.startsAt = toInstant(now + chance.between(15_000, 90_000));
    } else if (chance.chance(0.3) && !isRenamed) {
      date.startsAt = nextDay();
      date.hasChangedDay = true;
    } else {
      // Within its day: no other date of the performance is on it.
      const dayBeginsMs = startMs - (startMs % dayMs);
      date.startsAt = toInstant(dayBeginsMs + chance.between(1, 23 * 60) * 60_000);
      // A date with a new id is recognised by its day, which the office must know.
      if (date.isPublished && !date.hasChangedDay && chance.chance(0.4))
        date.externalId = `at ${date.startsAt}`;
    }
  }

  /** What the feed says of a date; nothing when it leaves the date out. */
  function announce({ externalId, firstExternalId, startsAt, cancelled }: PlannedDate) {
    const entry = { id: externalId, startsAt };
    switch (cancelled) {
      case undefined:
        return [entry];
      case 'in the feed':
        return [{ ...entry, status: 'cancelled' }];
      case 'left out of the feed':
        return [];
      case 'by command':
        // A feed may still announce it. With an id that is new to the office it would be another date.
        return chance.chance(0.5) && externalId === firstExternalId ? [entry] : [];
    }
  }

  function sections(dropped: number, idPrefix: string) {
    return categories.map((category, row) => ({
      sectionId: `${idPrefix}${category}`,
      name: category,
      rows: [
        {
          label: category,
          seats: Array.from({ length: seatsInRow - (row === 0 ? dropped : 0) }, (_, column) => ({
            seatId: `${idPrefix}${seatId(row, column)}`,
            number: `${column}`,
            category,
            x: column,
            y: row,
          })),
        },
      ],
    }));
  }
}

/** One of the dates, most often one that takes place. */
export function pickDate({ dates }: PerformanceOnSale, chance: Random): ScheduleId | undefined {
  const planned = dates.filter(({ cancelled }) => !cancelled);
  const among = planned.length === 0 || chance.chance(0.1) ? dates : planned;
  return chance.pick(among)?.scheduleId;
}
