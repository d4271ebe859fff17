import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** What tickets say, seats that were given back, ends of sales, cancelled dates and windows for refunds: null in older rows. */
const columns = {
  orders: { refunded_amount: 'bigint null' },
  order_items: {
    sold: 'json null',
    cancelled_at: 'datetime null',
    cancel_cause: 'varchar(30) null',
    cancel_note: 'varchar(500) null',
    refund_id: 'varchar(36) null',
    refunded_at: 'datetime null',
  },
  performances: { sales_closes_at: 'datetime null' },
  schedules: {
    cancel_reason: 'varchar(500) null',
    cancelled_at: 'datetime null',
    cancellation_settled_at: 'datetime null',
    refund_window_until: 'datetime null',
  },
} as const;

export class Refunds1797000000010 implements MigrationInterface {
  readonly name = 'Refunds1797000000010';

  async up(runner: QueryRunner): Promise<void> {
    for (const [table, added] of Object.entries(columns)) await addColumns(runner, table, added);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, added] of Object.entries(columns)) await runner.dropColumns(table, Object.keys(added));
  }
}
