import { join } from 'node:path';
import { auditLog } from '../../src/analysis/audit/auditor.js';
import { dataFiles } from '../../src/app/engines.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';

export interface Verification {
  readonly events: number;
  readonly seatsReserved: number;
  readonly ordersPaid: number;
  /** Of the log, and rows of the read models that differ; empty when nothing is wrong. */
  readonly findings: readonly string[];
}

/**
 * What `audit verify --skip-payments` does, of a stopped office: every rule at every event, then every row of the read
 * models. The payments are left out because the wallets were charged without the payment system.
 */
export async function verify(dataDir: string): Promise<Verification> {
  const store = await openSqliteEventStore({ file: join(dataDir, dataFiles.log), readOnly: true });
  try {
    const report = await auditLog(store);
    const location = { file: join(dataDir, dataFiles.readModels) };
    const models = await compareReadModels({ store, location });
    return {
      events: report.events,
      seatsReserved: report.seatsReserved,
      ordersPaid: report.ordersPaid,
      findings: [
        ...report.findings.map(({ code, message }) => `${code}: ${message}`),
        ...models.projections.flatMap(({ projection, problem }) =>
          problem === null ? [] : [`${projection}: ${problem}`],
        ),
        ...models.differences.map(
          ({ table, kind, key }) => `${table}: the row of ${JSON.stringify(key)} is ${kind}`,
        ),
      ],
    };
  } finally {
    await store.close();
  }
}
