import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

const personalKeys: TableSpec = {
  name: 'personal_keys',
  columns: {
    user_id: 'varchar(36)',
    wrapped_key: 'varchar(80)',
  },
  key: ['user_id'],
};

/**
 * Keys of personal data (docs/personal-data.md). They are no read model, only kept beside them, and on SQLite in a
 * file of their own. Taking the migration back leaves them: they cannot be made again.
 */
export class PersonalKeys1795000000005 implements MigrationInterface {
  readonly name = 'PersonalKeys1795000000005';

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'better-sqlite3') return;
    await createTable(runner, personalKeys);
  }

  async down(): Promise<void> {}
}
