import type { ScheduleId, SeatId } from '../events/ids.js';
import type { PriceList } from '../projections/catalog/prices.js';
import type { QueryContext } from './context.js';
import type { SeatMapReply, SeatReply, SeatStatus } from './replies.js';
import { pricedSchedule, takenSeats } from './schedule-seats.js';
import type { PlannedSeat } from './seating-plans.js';

export interface SeatMapFilter {
  readonly sectionId?: string;
  readonly status?: SeatStatus;
}

/** Every seat of a date with its price and status; null when unknown. A lapsed hold is free. */
export async function getSeatMap(
  { db, clock, plans }: QueryContext,
  scheduleId: ScheduleId,
  filter: SeatMapFilter = {},
): Promise<SeatMapReply | null> {
  const schedule = await pricedSchedule(db, scheduleId);
  const plan = schedule && (await plans.of(schedule.venueId));
  if (!plan) return null;
  const taken = await takenSeats(db, scheduleId, clock.now());
  const pricesByCategory = new Map<string, number | null>();
  const toReply = (seat: PlannedSeat): SeatReply => {
    const price = priceOf(seat.category, schedule.prices, pricesByCategory);
    const { seatId, number, category, x, y } = seat;
    return { seatId, number, category, price, x, y, status: statusOf(seatId, price, taken) };
  };
  const wanted = ({ status }: SeatReply): boolean => filter.status === undefined || status === filter.status;
  const sections = plan.sections
    .filter(({ sectionId }) => filter.sectionId === undefined || sectionId === filter.sectionId)
    .map(({ sectionId, name, rows }) => ({
      sectionId,
      name,
      rows: rows
        .map(({ label, seats }) => ({ label, seats: seats.map(toReply).filter(wanted) }))
        .filter(({ seats }) => seats.length > 0),
    }))
    .filter(({ rows }) => rows.length > 0);
  const { venueId, position } = schedule;
  const { focus, decorations } = plan;
  return { scheduleId, venueId, position, sections, focus, decorations };
}

function statusOf(
  seatId: SeatId,
  price: number | null,
  taken: ReadonlyMap<SeatId, 'held' | 'reserved'>,
): SeatStatus {
  return taken.get(seatId) ?? (price === null ? 'not-for-sale' : 'free');
}

/** Looked up once per category, not per seat. */
function priceOf(category: string, prices: PriceList, known: Map<string, number | null>): number | null {
  let price = known.get(category);
  if (price === undefined) {
    price = prices.priceOf(category);
    known.set(category, price);
  }
  return price;
}
