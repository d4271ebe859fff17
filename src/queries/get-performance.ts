import { salesRulesSchema } from '../events/catalog-events.js';
import type { PerformanceId } from '../events/ids.js';
import { PriceList } from '../projections/catalog/prices.js';
import type { QueryContext } from './context.js';
import { listSchedules } from './list-schedules.js';
import { maxPageSize } from './paging.js';
import { type SummaryRow, selectSummaries, toSummary } from './performance-summaries.js';
import type { Language, PerformanceReply } from './replies.js';
import { selectFirst } from './select.js';

/** A performance with its prices, rules of sale and first dates; null when unknown. */
export async function getPerformance(
  context: QueryContext,
  performanceId: PerformanceId,
  language?: Language,
): Promise<PerformanceReply | null> {
  const row = await selectFirst<SummaryRow>(context.db, `${selectSummaries} WHERE p.performance_id = ?`, [
    context.clock.now(),
    performanceId,
  ]);
  if (!row) return null;
  const schedules = await listSchedules(context, performanceId, {}, { limit: maxPageSize, cursor: null });
  return {
    ...toSummary(row, language),
    description: row.description,
    prices: PriceList.parse(row.prices).entries.map((entry) => ({
      category: entry.category,
      label: entry.label ?? entry.category,
      price: entry.price,
      color: entry.color ?? null,
    })),
    sales: salesRulesSchema.parse(JSON.parse(row.sales)),
    seedHash: row.seed_hash,
    schedules: schedules.items,
  };
}
