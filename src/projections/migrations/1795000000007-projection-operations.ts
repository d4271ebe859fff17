import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumn, createTable, type TableSpec } from './create-table.js';

const checkpoints = 'projection_checkpoints';

/** What operators and rebuilds say to whoever runs a projection. */
const checkpointColumns = {
  generation: 'int null',
  paused_at: 'varchar(24) null',
  parked: 'mediumtext null',
  fenced_by: 'varchar(36) null',
};

const projectionRebuilds: TableSpec = {
  name: 'projection_rebuilds',
  columns: {
    slot: 'varchar(8)',
    rebuild_id: 'varchar(36)',
    status: 'varchar(10)',
    request: 'mediumtext',
    progress: 'mediumtext null',
    report: 'mediumtext null',
    error: 'text null',
    lease_until: 'varchar(24)',
    requested_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['slot'],
};

/** Pausing, parking and rebuilding projections. */
export class ProjectionOperations1795000000007 implements MigrationInterface {
  readonly name = 'ProjectionOperations1795000000007';

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, text] of Object.entries(checkpointColumns)) {
      await addColumn(runner, checkpoints, name, text);
    }
    await createTable(runner, projectionRebuilds);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable(projectionRebuilds.name);
    for (const name of Object.keys(checkpointColumns)) await runner.dropColumn(checkpoints, name);
  }
}
