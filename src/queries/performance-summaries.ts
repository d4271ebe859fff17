import type { Instant } from '../events/ids.js';
import type { PerformanceRow } from '../projections/catalog/entities.js';
import { parseNames, pickName } from './names.js';
import type { Language, PerformanceSummary } from './replies.js';

export interface SummaryRow extends PerformanceRow {
  readonly venue_name: string | null;
  readonly venue_names: string | null;
  readonly location: string | null;
  readonly next_schedule_at: Instant | null;
  readonly schedule_count: number;
}

/** Selects {@link SummaryRow}s; its one parameter is the present moment. Add conditions on `p`. */
export const selectSummaries = `
  SELECT p.*, v.venue_name, v.names AS venue_names, v.location,
    (SELECT MIN(s.schedule_date_time) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled' AND s.schedule_date_time >= ?) AS next_schedule_at,
    (SELECT COUNT(*) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled') AS schedule_count
  FROM performances p LEFT JOIN venues v ON v.venue_id = p.venue_id`;

export function toSummary(row: SummaryRow, language: Language | undefined): PerformanceSummary {
  return {
    performanceId: row.performance_id,
    name: pickName(row.performance_name, row.names, language),
    names: parseNames(row.names),
    venue: {
      venueId: row.venue_id,
      name: pickName(row.venue_name ?? '', row.venue_names, language),
      location: row.location ?? '',
    },
    startDate: row.start_date,
    endDate: row.end_date,
    nextScheduleAt: row.next_schedule_at,
    scheduleCount: row.schedule_count,
    priceFrom: row.price_from,
    priceTo: row.price_to,
    salesOpensAt: row.sales_opens_at,
  };
}
