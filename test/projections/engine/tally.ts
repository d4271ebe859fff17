import { Column, Entity, PrimaryColumn } from 'typeorm';
import { allEntities } from '../../../src/projections/all-projections.js';
import { int, tableOf, varchar } from '../../../src/projections/engine/entity.js';
import type { Projection } from '../../../src/projections/engine/projection.js';
import type { UnitOfWork } from '../../../src/projections/engine/unit-of-work.js';
import { createTable } from '../../../src/projections/migrations/create-table.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';

/** Counts registrations: applying one twice, or never, shows. */
@Entity('tallies')
export class TallyRow {
  @PrimaryColumn(varchar(40)) readonly name!: string;
  @Column(int) readonly events!: number;
}

/** The table of {@link TallyRow}. */
export const tallyTable = tableOf(TallyRow);

/** A counting projection; `check` may refuse an event by throwing, `count` may count wrongly. */
export function tally(
  name: string,
  options: { version?: number; check?: (loginId: string) => void; count?: (before: number) => number } = {},
): Projection {
  const count = options.count ?? ((before: number) => before + 1);
  return {
    name,
    version: options.version ?? 1,
    entities: [TallyRow],
    on: {
      async UserRegistered({ data }, rows: UnitOfWork) {
        const row = await rows.get(TallyRow, { name });
        rows.put(TallyRow, { name, events: count(row?.events ?? 0) });
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
  if (models.write.hasMetadata(TallyRow)) return;
  models.write.setOptions({ entities: [...allEntities, TallyRow] });
  // Protected in TypeORM: entities are named when the source is made, but this one is a test's.
  const write = models.write as unknown as { buildMetadatas(): Promise<void> };
  await write.buildMetadatas();
}

/** Events counted by each tally. */
export async function tallies(models: ReadModels, suffix = ''): Promise<Record<string, number>> {
  const rows = await models.read.query<TallyRow[]>(`SELECT * FROM tallies${suffix} ORDER BY name`);
  return Object.fromEntries(rows.map((row) => [row.name, row.events]));
}
