import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

const orders: TableSpec = {
  name: 'orders',
  columns: {
    order_id: 'varchar(36)',
    user_id: 'varchar(36)',
    performance_id: 'varchar(36)',
    token_id: 'varchar(36)',
    payment_id: 'varchar(100) null',
    order_date: 'varchar(24)',
    total_amount: 'bigint',
    item_count: 'int',
    order_status: 'varchar(9)',
    failure_reason: 'varchar(30) null',
    settled: 'smallint',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['order_id'],
  indexes: [
    ['user_id', 'order_date', 'order_id'],
    ['settled', 'updated_at'],
  ],
};

const orderItems: TableSpec = {
  name: 'order_items',
  columns: {
    order_id: 'varchar(36)',
    item_no: 'int',
    schedule_id: 'varchar(36)',
    seat_id: 'varchar(64)',
    hold_id: 'varchar(36)',
    quantity: 'int',
    price: 'bigint',
    created_at: 'varchar(24)',
  },
  key: ['order_id', 'item_no'],
};

const payments: TableSpec = {
  name: 'payments',
  columns: {
    payment_id: 'varchar(100)',
    user_id: 'varchar(36)',
    order_id: 'varchar(36)',
    payment_date: 'varchar(24)',
    amount: 'bigint',
    payment_status: 'varchar(9)',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['payment_id'],
};

const paymentPoints: TableSpec = {
  name: 'payment_points',
  columns: {
    payment_id: 'varchar(100)',
    user_id: 'varchar(36)',
    amount: 'bigint',
    created_at: 'varchar(24)',
  },
  key: ['payment_id', 'user_id'],
};

const reservations: TableSpec = {
  name: 'reservations',
  columns: {
    reservation_id: 'varchar(36)',
    user_id: 'varchar(36)',
    order_id: 'varchar(36)',
    item_no: 'int',
    performance_id: 'varchar(36)',
    schedule_id: 'varchar(36)',
    seat_id: 'varchar(64)',
    price: 'bigint',
    reservation_date: 'varchar(24)',
    reservation_status: 'varchar(9)',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['reservation_id'],
  indexes: [['user_id', 'reservation_date', 'reservation_id'], ['order_id']],
};

const tables = [orders, orderItems, payments, paymentPoints, reservations];

/** Tables of orders, payments and reservations. */
export class Orders1795000000004 implements MigrationInterface {
  readonly name = 'Orders1795000000004';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables) await createTable(runner, table);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables) await runner.dropTable(table.name);
  }
}
