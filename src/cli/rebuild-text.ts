import type { WrongRow } from '../projections/compare/compare-tables.js';
import type { RebuildReport, RebuiltProjection } from '../projections/rebuild/rebuild-record.js';

/** A rebuild's report for people. */
export function describeRebuild(report: RebuildReport): string {
  const { projections, tables, differenceCount, differences, events, elapsedMs } = report;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const lines = [
    ...projections.map(describeProjection),
    ...differences.flatMap(describeRow),
    ...(differences.length < differenceCount ? [`… and ${differenceCount - differences.length} more`] : []),
    `${events} events read in ${(elapsedMs / 1_000).toFixed(1)} s, ${rows} rows compared, ${differenceCount} different.`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeProjection({ projection, comparedAt, problem, swappedAt }: RebuiltProjection): string {
  const compared = problem === null ? `compared at position ${comparedAt}` : `not compared: ${problem}`;
  const swapped = swappedAt === null ? 'left as it is' : `rebuilt up to position ${swappedAt}`;
  return `${projection.padEnd(10)} ${swapped}; ${compared}`;
}

function describeRow({ table, key, kind, event, cells }: WrongRow): string[] {
  const name = Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(' ');
  const why = (place: WrongRow['event']): string =>
    place ? `${place.type} at position ${place.position} (${place.stream} ${place.revision})` : 'no event';
  const words = { missing: 'is missing', unexpected: 'should not be there', different: 'differs' } as const;
  return [
    `${table} ${name} ${words[kind]}: ${why(event)}`,
    ...cells.map(
      ({ column, expected, found, event: decided }) =>
        `  ${column}: ${JSON.stringify(found)} should be ${JSON.stringify(expected)}, by ${why(decided)}`,
    ),
  ];
}
