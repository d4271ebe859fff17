import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** Local times of halls and dates: null until the projection of this release has written the row anew. */
const columns = {
  venues: { time_zone: 'varchar(64) null' },
  performances: { over_at: 'datetime null' },
  schedules: { time_zone: 'varchar(64) null', local_date: 'varchar(10) null' },
} as const;

export class LocalTimes1797000000008 implements MigrationInterface {
  readonly name = 'LocalTimes1797000000008';

  async up(runner: QueryRunner): Promise<void> {
    for (const [table, added] of Object.entries(columns)) await addColumns(runner, table, added);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, added] of Object.entries(columns)) await runner.dropColumns(table, Object.keys(added));
  }
}
