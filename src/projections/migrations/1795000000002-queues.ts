import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

const tokens: TableSpec = {
  name: 'tokens',
  columns: {
    token_id: 'varchar(36)',
    user_id: 'varchar(36)',
    performance_id: 'varchar(36)',
    token_value: 'varchar(128)',
    entry: 'int',
    number_of_tickets: 'int',
    reservation_time: 'varchar(24)',
    number: 'int null',
    place: 'int null',
    status: 'varchar(9)',
    admitted_at: 'varchar(24) null',
    claim_until: 'varchar(24) null',
    entered_at: 'varchar(24) null',
    expire_date: 'varchar(24) null',
    ended_at: 'varchar(24) null',
    end_reason: 'varchar(20) null',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['token_id'],
  indexes: [
    ['user_id', 'performance_id', 'entry'],
    ['performance_id', 'number'],
    ['performance_id', 'place'],
    ['status', 'claim_until'],
    ['status', 'expire_date'],
  ],
};

const queues: TableSpec = {
  name: 'queues',
  columns: {
    performance_id: 'varchar(36)',
    capacity: 'int null',
    max_active: 'int null',
    admit_per_second: 'double null',
    claim_window_ms: 'int null',
    service_window_ms: 'int null',
    opens_at: 'varchar(24) null',
    opened: 'smallint',
    opened_at: 'varchar(24) null',
    seed: 'varchar(64) null',
    shuffled_count: 'int',
    issued: 'int',
    admitted_up_to: 'int',
    last_admitted_at: 'varchar(24) null',
    waiting: 'int',
    admitted: 'int',
    entered: 'int',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['performance_id'],
};

const tables = [tokens, queues];

/** Tables of queues and the tokens in them. */
export class Queues1795000000002 implements MigrationInterface {
  readonly name = 'Queues1795000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables) await createTable(runner, table);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables) await runner.dropTable(table.name);
  }
}
