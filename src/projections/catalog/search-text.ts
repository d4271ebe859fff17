import type { PerformanceRow } from './tables.js';

/** Text as search compares it: one Unicode form, lower case. */
export function searchable(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** What a performance is found by: its names, description and venue. */
export function searchText(
  performance: Pick<PerformanceRow, 'performance_name' | 'names' | 'description'>,
  venueName: string,
): string {
  // PerformancePublished's translations, stored as JSON by this projection.
  const names = Object.values(JSON.parse(performance.names) as Record<string, string>);
  return searchable([performance.performance_name, ...names, venueName, performance.description].join('\n'));
}
