import type { Projected } from '../engine/projection.js';
import type { RowBatch } from '../engine/row-batch.js';
import { recountPerformance, recountSchedule } from '../seats/recount.js';
import { PriceList } from './price-list.js';
import { searchText } from './search-text.js';
import { performancesTable, schedulesTable, venuesTable } from './tables.js';
import { sectionsOf } from './venues.js';

/** Writes the performance; other prices may put other seats on sale on its dates. */
export async function publishPerformance(
  event: Projected<'PerformancePublished'>,
  rows: RowBatch,
): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(performancesTable, [data.performanceId]);
  const venue = await rows.get(venuesTable, [data.venueId]);
  const prices = data.prices.flatMap(({ price }) => (price === null ? [] : [price]));
  const described = {
    performance_name: data.name,
    names: JSON.stringify(data.names ?? {}),
    description: data.description,
  };
  rows.put(performancesTable, {
    ...described,
    performance_id: data.performanceId,
    venue_id: data.venueId,
    start_date: data.startDate,
    end_date: data.endDate,
    prices: JSON.stringify(data.prices),
    price_from: prices.length === 0 ? null : Math.min(...prices),
    price_to: prices.length === 0 ? null : Math.max(...prices),
    sales: JSON.stringify(data.sales),
    sales_opens_at: data.sales.opensAt,
    seed_hash: data.seedHash,
    search_text: searchText(described, venue?.venue_name ?? ''),
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  const pricesBefore = known ? PriceList.parse(known.prices) : new PriceList([]);
  await recountPerformance(rows, data.performanceId, pricesBefore, at);
}

/** Writes the date and counts its seats. */
export async function publishSchedule(event: Projected<'SchedulePublished'>, rows: RowBatch): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(schedulesTable, [data.scheduleId]);
  const schedule = {
    schedule_id: data.scheduleId,
    performance_id: data.performanceId,
    venue_id: data.venueId,
    schedule_date_time: data.startsAt,
    status: data.status,
    capacity: 0,
    available_seats: 0,
    held: 0,
    reserved: 0,
    created_at: known?.created_at ?? at,
    updated_at: at,
  };
  await recountSchedule(rows, schedule, known, await sectionsOf(rows, data.venueId), at);
}
