import type { Projection } from '../../../src/projections/engine/projection.js';
import { defineTable, int, type RowOf, varchar } from '../../../src/projections/engine/table.js';
import { createTable } from '../../../src/projections/engine/table-ddl.js';
import type { RowBatch } from '../../../src/projections/engine/unit-of-work.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';

/** Counts registrations: applying one twice, or never, shows. */
export const tallyTable = defineTable('tallies', {
  columns: { name: varchar(40), events: int() },
  key: ['name'],
});
export type TallyRow = RowOf<typeof tallyTable>;

/** A counting projection; `check` may refuse an event by throwing, `count` may count wrongly. */
export function tally(
  name: string,
  options: { version?: number; check?: (loginId: string) => void; count?: (before: number) => number } = {},
): Projection {
  const count = options.count ?? ((before: number) => before + 1);
  return {
    name,
    version: options.version ?? 1,
    tables: [tallyTable],
    on: {
      async UserRegistered({ data }, rows: RowBatch) {
        const row = await rows.get(tallyTable, [name]);
        rows.put(tallyTable, { name, events: count(row?.events ?? 0) });
        options.check?.(data.loginId);
      },
    },
  };
}

export async function createTallies(models: ReadModels, suffix = ''): Promise<void> {
  const runner = models.write.createQueryRunner();
  const columns = { name: 'varchar(40)', events: 'int' };
  await createTable(runner, { name: `tallies${suffix}`, columns, key: ['name'] });
  await runner.release();
}

/** Events counted by each tally. */
export async function tallies(models: ReadModels, suffix = ''): Promise<Record<string, number>> {
  const rows = await models.read.query<TallyRow[]>(`SELECT * FROM tallies${suffix} ORDER BY name`);
  return Object.fromEntries(rows.map((row) => [row.name, row.events]));
}
