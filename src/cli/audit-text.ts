import type { AuditReport } from '../audit/report.js';
import { textTable } from './text-table.js';

/** Findings written out; the rest is counted. */
const maxShown = 50;

/** An audit's report for people to read. */
export function describeAudit(report: AuditReport): string {
  const rows = report.checks.map(({ code, examined, findings, meaning }) => [
    findings > 0 ? 'FOUND' : examined > 0 ? 'ok' : '-',
    String(examined),
    findings > 0 ? String(findings) : '',
    code,
    meaning,
  ]);
  const { points, liveHolds, openOrders } = report;
  const summary = [
    '',
    `${report.events} events, judged as of ${report.judgedAt}`,
    `points: ${points.charged} charged = ${points.spent} spent − ${points.refunded} refunded + ${points.balance} in wallets`,
    `seats: ${report.seatsReserved} sold, ${liveHolds.count} on hold; orders: ${report.ordersPaid} paid, ${openOrders.count} open`,
    '',
  ].join('\n');
  return `${textTable(['', 'FACTS', 'FOUND', 'CHECK', 'WHAT HOLDS'], rows)}${summary}${describeFindings(report)}`;
}

function describeFindings({ findings, findingCount }: AuditReport): string {
  if (findingCount === 0) return 'Nothing is wrong.\n';
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
