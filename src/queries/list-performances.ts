import { searchable } from '../projections/catalog/publish.js';
import type { CellValue } from '../projections/engine/table.js';
import type { QueryContext } from './context.js';
import { decodeCursor, rowsToRead, timeAndId, toPage } from './paging.js';
import { type SummaryRow, selectSummaries, toSummary } from './performance-summaries.js';
import type { Language, Page, PageRequest, PerformanceSummary } from './replies.js';
import { selectAll } from './select.js';

export interface PerformanceFilter {
  /** Every word must be found in the names, description or venue name. */
  readonly search?: string;
  /** Local calendar dates, YYYY-MM-DD: runs that overlap from … to. */
  readonly from?: string;
  readonly to?: string;
}

/** Words beyond these are ignored: each costs a scan. */
const maxWords = 8;

/**
 * Performances by first date.
 * @throws {InvalidCursor}
 */
export async function listPerformances(
  { db, clock }: QueryContext,
  filter: PerformanceFilter,
  page: PageRequest,
  language?: Language,
): Promise<Page<PerformanceSummary>> {
  const conditions = ['1 = 1'];
  const parameters: CellValue[] = [clock.now()];
  const where = (condition: string, ...values: CellValue[]): void => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (filter.from !== undefined) where('p.end_date >= ?', filter.from);
  if (filter.to !== undefined) where('p.start_date <= ?', filter.to);
  for (const word of wordsOf(filter.search ?? '')) where("p.search_text LIKE ? ESCAPE '!'", word);
  const after = decodeCursor(page.cursor, timeAndId);
  if (after) {
    const [date, id] = after;
    where('(p.start_date > ? OR (p.start_date = ? AND p.performance_id > ?))', date, date, id);
  }
  const rows = await selectAll<SummaryRow>(
    db,
    `${selectSummaries} WHERE ${conditions.join(' AND ')}
     ORDER BY p.start_date, p.performance_id LIMIT ${rowsToRead(page)}`,
    parameters,
  );
  return toPage(
    rows,
    page,
    (row) => toSummary(row, language),
    (row) => [row.start_date, row.performance_id],
  );
}

function wordsOf(search: string): string[] {
  const words = searchable(search).split(/\s+/u).filter(Boolean).slice(0, maxWords);
  return words.map((word) => `%${word.replace(/[!%_]/g, '!$&')}%`);
}
