import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable } from './create-table.js';

/** Where fans are logged in; its projection fills it from the log. */
export class Sessions1797000000201 implements MigrationInterface {
  readonly name = 'Sessions1797000000201';

  up(runner: QueryRunner): Promise<void> {
    return createTable(runner, {
      name: 'user_sessions',
      columns: {
        session_id: 'varchar(36)',
        user_id: 'varchar(36)',
        epoch: 'int',
        started_at: 'datetime',
        refreshed_at: 'datetime',
        expires_at: 'datetime',
        ended_at: 'datetime null',
      },
      key: ['session_id'],
      indexes: [['user_id', 'ended_at', 'refreshed_at']],
    });
  }

  down(runner: QueryRunner): Promise<void> {
    return runner.dropTable('user_sessions');
  }
}
