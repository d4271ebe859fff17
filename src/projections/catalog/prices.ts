import type { PriceCategory } from '../../events/catalog-events.js';
import type { SeatId } from '../../events/ids.js';
import { placeholders } from '../engine/sql.js';
import type { Statement, UnitOfWork } from '../engine/unit-of-work.js';
import { PerformanceRow, type ScheduleRow, SeatRow } from './entities.js';

/** Prices of a performance by seat category. */
export class PriceList {
  private readonly byCategory: ReadonlyMap<string, PriceCategory>;

  constructor(readonly entries: readonly PriceCategory[]) {
    this.byCategory = new Map(entries.map((entry) => [entry.category, entry]));
  }

  /** The entry for a category: its own, else the one for all others (`*`). */
  entryOf(category: string): PriceCategory | undefined {
    return this.byCategory.get(category) ?? this.byCategory.get('*');
  }

  /** Points for a seat of this category; null: not for sale. */
  priceOf(category: string): number | null {
    return this.entryOf(category)?.price ?? null;
  }

  /** A condition in SQL that a column's category has a price. */
  isPricedSql(column: string): Statement {
    const hasDefault = this.priceOf('*') !== null;
    const exceptions = [...this.byCategory.values()]
      .filter(({ price }) => (price !== null) !== hasDefault)
      .map(({ category }) => category);
    if (exceptions.length === 0) return { sql: hasDefault ? '1 = 1' : '1 = 0', parameters: [] };
    const operator = hasDefault ? 'NOT IN' : 'IN';
    return { sql: `${column} ${operator} (${placeholders(exceptions.length)})`, parameters: exceptions };
  }
}

/** Rows are never modified, so a row's list stays true as long as the row lives. */
const listOf = new WeakMap<PerformanceRow, PriceList>();
const noPrices = new PriceList([]);

/** The prices of a schedule's performance; nothing is for sale while it is unknown. */
export async function pricesOf(
  rows: UnitOfWork,
  schedule: Pick<ScheduleRow, 'performance_id'>,
): Promise<PriceList> {
  const performance = await rows.get(PerformanceRow, { performance_id: schedule.performance_id });
  if (!performance) return noPrices;
  let prices = listOf.get(performance);
  if (!prices) {
    prices = new PriceList(performance.prices);
    listOf.set(performance, prices);
  }
  return prices;
}

/** Whether the seat is in the plan and has a price on that date. */
export async function isForSale(
  rows: UnitOfWork,
  schedule: Pick<ScheduleRow, 'performance_id' | 'venue_id'>,
  seatId: SeatId,
): Promise<boolean> {
  const seat = await rows.get(SeatRow, { venue_id: schedule.venue_id, seat_id: seatId });
  if (!seat || seat.withdrawn) return false;
  return (await pricesOf(rows, schedule)).priceOf(seat.category) !== null;
}
