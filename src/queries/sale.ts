import type { DataSource } from 'typeorm';
import type { Instant, PerformanceId } from '../events/ids.js';
import type { PerformanceRow, ScheduleRow } from '../projections/catalog/entities.js';
import { selectAll } from './database.js';
import type { QueryContext } from './queries.js';
import type { SaleStatus } from './replies/queue.js';

/** How the sale of a performance stands. */
export interface Sale {
  readonly status: SaleStatus;
  /** Free seats of all dates to come; undefined while none is known to be for sale. Lapsed holds count until they are ended. */
  readonly freeSeats: number | undefined;
  /** When the last date begins, or the organiser's end of the sale if that is earlier; null: neither is known. */
  readonly endsAt: Instant | null;
}

/** A date, as far as {@link saleOf} needs it. */
export type DateOnSale = Pick<
  ScheduleRow,
  'status' | 'schedule_date_time' | 'capacity' | 'available_seats' | 'held_seats'
>;

/** What decides how a sale stands. */
export interface SaleDates {
  readonly dates: readonly (DateOnSale & Pick<ScheduleRow, 'schedule_id'>)[];
  /** The organiser's end of the sale; null: it ends when the last date begins. */
  readonly closesAt: Instant | null;
}

export function saleQueries({ db }: QueryContext) {
  return {
    /** How the sale of a performance stands at `now`. One that is unknown counts as on sale. */
    async sale(performanceId: PerformanceId, now: Instant): Promise<Sale> {
      const { dates, closesAt } = await selectSale(db, performanceId);
      return saleOf(dates, closesAt, now);
    },
  };
}

/** The dates of a performance; none when it is unknown. */
export async function selectSale(db: DataSource, performanceId: PerformanceId): Promise<SaleDates> {
  const rows = await selectAll<SaleRow>(
    db,
    `SELECT p.sales_closes_at, s.schedule_id, s.status, s.schedule_date_time, s.capacity, s.available_seats, s.held_seats
     FROM performances p LEFT JOIN schedules s ON s.performance_id = p.performance_id
     WHERE p.performance_id = ?`,
    [performanceId],
  );
  const dates = rows.filter((row): row is SaleRow & SaleDates['dates'][number] => row.schedule_id !== null);
  return { dates, closesAt: rows[0]?.sales_closes_at ?? null };
}

type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null };
type SaleRow = Pick<PerformanceRow, 'sales_closes_at'> & Nullable<SaleDates['dates'][number]>;

/** @param closesAt the organiser's end of the sale; null: it ends when the last date begins. */
export function saleOf(dates: readonly DateOnSale[], closesAt: Instant | null, now: Instant): Sale {
  const scheduled = dates.filter(({ status }) => status === 'scheduled');
  const toCome = scheduled.filter(({ schedule_date_time: startsAt }) => startsAt > now);
  const lastAt = scheduled.map((date) => date.schedule_date_time).reduce(latest, null);
  const endsAt = closesAt !== null && (lastAt === null || closesAt < lastAt) ? closesAt : lastAt;
  const isOver = dates.length > 0 && toCome.length === 0;
  if (isOver || (closesAt !== null && closesAt <= now)) {
    return { status: 'ended', freeSeats: 0, endsAt };
  }
  // Without a date, or without a seat that has a price, nothing can have been sold out.
  if (toCome.every(({ capacity }) => capacity === 0))
    return { status: 'on-sale', freeSeats: undefined, endsAt };
  const freeSeats = toCome.reduce((sum, date) => sum + date.available_seats, 0);
  const heldSeats = toCome.reduce((sum, date) => sum + date.held_seats, 0);
  const status = freeSeats > 0 ? 'on-sale' : heldSeats > 0 ? 'all-held' : 'sold-out';
  return { status, freeSeats, endsAt };
}

function latest(a: Instant | null, b: Instant): Instant {
  return a !== null && a > b ? a : b;
}
