import type { AuditReport } from '../../src/analysis/audit/checks.js';
import { call } from '../e2e/fan.js';
import type { ChaosOffice } from './chaos-office.js';

/** What the product's own auditor finds. */
export async function auditOf(office: ChaosOffice): Promise<string[]> {
  const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
  const { status, body } = await call(office.url, 'GET', '/v1/admin/audit', { headers });
  if (status !== 200) return [`the audit was answered ${status} ${JSON.stringify(body)}`];
  const report: AuditReport = body;
  return report.findings.map(({ code, message, events }) => {
    return `audit ${code}: ${message} (${events.map(({ stream, revision }) => `${stream}@${revision}`).join(', ')})`;
  });
}
