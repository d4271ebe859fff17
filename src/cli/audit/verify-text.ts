import type { AuditReport, CheckResult, Finding } from '../../analysis/audit/checks.js';
import type { PaymentReport } from '../../analysis/audit/payments.js';
import type { ReadModelComparison, WrongRow } from '../../projections/compare/compare-tables.js';
import { textTable } from '../text-table.js';
import type { Skipped } from './verify-read-models.js';

/** All that `audit verify` found; `clean` is about all of it. */
export interface Verification extends AuditReport {
  readonly payments: PaymentReport | Skipped;
  readonly readModels: ReadModelComparison | Skipped;
}

/** Findings of each part written out; the rest is counted. */
const maxShown = 50;

/** A verification for people to read. */
export function describeVerification(verification: Verification): string {
  const { payments, readModels, clean, events, judgedAt, points, liveHolds, openOrders } = verification;
  const parts = [
    checksTable(verification.checks),
    `\n${events} events, judged as of ${judgedAt}\n`,
    `points: ${points.charged} charged = ${points.spent} spent − ${points.refunded} refunded + ${points.balance} in wallets\n`,
    `seats: ${verification.seatsReserved} sold, ${liveHolds.count} on hold; orders: ${verification.ordersPaid} paid, ${openOrders.count} open\n`,
    describeFindings(verification),
    '\n',
    'skipped' in payments ? `Payments: ${payments.skipped}.\n` : describePayments(payments),
    '\n',
    'skipped' in readModels ? `Read models: ${readModels.skipped}.\n` : describeReadModels(readModels),
    clean ? '\nNothing is wrong.\n' : '',
  ];
  return parts.join('');
}

function checksTable(checks: readonly CheckResult<string>[]): string {
  const rows = checks.map(({ code, examined, findings, meaning }) => [
    findings > 0 ? 'FOUND' : examined > 0 ? 'ok' : '-',
    String(examined),
    findings > 0 ? String(findings) : '',
    code,
    meaning,
  ]);
  return textTable(['', 'FACTS', 'FOUND', 'CHECK', 'WHAT HOLDS'], rows);
}

function describePayments(report: PaymentReport): string {
  const { payments, taken, charged, inFlight } = report;
  return [
    checksTable(report.checks),
    `\n${payments} payments in the ledger: ${taken} points taken, ${charged} in approved charges, `,
    `${inFlight.amount} in ${inFlight.count} payments under way\n`,
    describeFindings(report),
  ].join('');
}

function describeReadModels(comparison: ReadModelComparison): string {
  const { projections, tables, differences, differenceCount } = comparison;
  const rows = tables.map((table) => [
    table.differences > 0 ? 'FOUND' : table.rows > 0 ? 'ok' : '-',
    String(table.rows),
    table.differences > 0 ? String(table.differences) : '',
    table.table,
    `rows are the fold of the log at position ${projections.find(({ projection }) => projection === table.projection)?.position}`,
  ]);
  const problems = projections.flatMap(({ projection, problem }) =>
    problem === null ? [] : `  ${projection}: ${problem}\n`,
  );
  const lines = differences.slice(0, maxShown).flatMap(describeRow);
  const more = differenceCount - Math.min(maxShown, differences.length);
  return [
    textTable(['', 'ROWS', 'FOUND', 'TABLE', 'WHAT HOLDS'], rows),
    ...(problems.length > 0 ? ['\nProjections in trouble:\n', ...problems] : []),
    ...(differenceCount > 0 ? [`\n${differenceCount} rows differ:\n`, ...lines] : []),
    ...(more > 0 ? [`  … and ${more} more\n`] : []),
  ].join('');
}

function describeRow({ table, key, kind, event, cells }: WrongRow): string[] {
  const row = Object.entries(key)
    .map(([column, value]) => `${column} ${value}`)
    .join(', ');
  const what = { missing: 'is missing', unexpected: 'should not be there', different: 'differs' }[kind];
  const by = (place: typeof event) =>
    place ? `${place.type}, ${place.stream} @${place.revision}, position ${place.position}` : 'no event';
  return [
    `  ${table}: the row of ${row} ${what}\n`,
    ...(cells.length === 0 ? [`      decided by ${by(event)}\n`] : []),
    ...cells.map(
      ({ column, expected, found, event: decider }) =>
        `      ${column} is ${JSON.stringify(found)}, the log says ${JSON.stringify(expected)}: ${by(decider)}\n`,
    ),
  ];
}

function describeFindings({
  findings,
  findingCount,
}: {
  readonly findings: readonly Finding<string>[];
  readonly findingCount: number;
}): string {
  if (findingCount === 0) return '';
  const lines = findings
    .slice(0, maxShown)
    .flatMap(({ code, message, events }) => [
      `  ${code}: ${message}`,
      ...events.map(({ stream, revision, position }) => `      ${stream} @${revision}, position ${position}`),
    ]);
  const more = findingCount - Math.min(maxShown, findings.length);
  if (more > 0) lines.push(`  … and ${more} more`);
  return `${findingCount} findings:\n${lines.join('\n')}\n`;
}
