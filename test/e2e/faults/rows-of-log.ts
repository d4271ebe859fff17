import { openRevealedLog } from '../../../src/cli/open-log.js';
import { processTerminal } from '../../../src/cli/terminal.js';
import { compareReadModels } from '../../../src/projections/compare/compare-read-models.js';
import type { ClusterOffice } from '../cluster-office.js';

/** Compares every row of the read models with a fold of the log of its own. */
export async function expectRowsOfLog({ config }: ClusterOffice): Promise<void> {
  const log = await openRevealedLog(config, processTerminal);
  try {
    const location = { url: String(config.DATABASE_URL) };
    const comparison = await compareReadModels({ store: log.store, location });
    expect(comparison.differences).toEqual([]);
    expect(comparison).toMatchObject({ clean: true, differenceCount: 0 });
  } finally {
    await log.close();
  }
}
