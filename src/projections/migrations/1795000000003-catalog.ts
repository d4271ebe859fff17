import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

const venues: TableSpec = {
  name: 'venues',
  columns: {
    venue_id: 'varchar(36)',
    venue_name: 'varchar(300)',
    names: 'mediumtext',
    location: 'varchar(500)',
    capacity: 'int',
    seat_count: 'int',
    focus_x: 'double null',
    focus_y: 'double null',
    decorations: 'mediumtext',
    revision: 'int',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['venue_id'],
};

const sections: TableSpec = {
  name: 'sections',
  columns: {
    venue_id: 'varchar(36)',
    section_id: 'varchar(64)',
    section_name: 'varchar(100)',
    ordinal: 'int',
    seat_count: 'int',
    category_counts: 'mediumtext',
    withdrawn: 'smallint',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['venue_id', 'section_id'],
};

const seats: TableSpec = {
  name: 'seats',
  columns: {
    venue_id: 'varchar(36)',
    seat_id: 'varchar(64)',
    section_id: 'varchar(64)',
    seat_row: 'varchar(20)',
    row_index: 'int',
    seat_number: 'varchar(20)',
    seat_column: 'int',
    category: 'varchar(100)',
    x: 'double',
    y: 'double',
    withdrawn: 'smallint',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['venue_id', 'seat_id'],
  indexes: [['venue_id', 'section_id']],
};

const performances: TableSpec = {
  name: 'performances',
  columns: {
    performance_id: 'varchar(36)',
    venue_id: 'varchar(36)',
    performance_name: 'varchar(300)',
    names: 'mediumtext',
    description: 'text',
    start_date: 'varchar(10)',
    end_date: 'varchar(10)',
    prices: 'mediumtext',
    price_from: 'bigint null',
    price_to: 'bigint null',
    sales: 'mediumtext',
    sales_opens_at: 'varchar(24) null',
    seed_hash: 'varchar(64)',
    search_text: 'mediumtext',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['performance_id'],
  indexes: [['venue_id'], ['start_date', 'performance_id']],
};

const schedules: TableSpec = {
  name: 'schedules',
  columns: {
    schedule_id: 'varchar(36)',
    performance_id: 'varchar(36)',
    venue_id: 'varchar(36)',
    schedule_date_time: 'varchar(24)',
    status: 'varchar(9)',
    capacity: 'int',
    available_seats: 'int',
    held: 'int',
    reserved: 'int',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['schedule_id'],
  indexes: [['performance_id', 'schedule_date_time'], ['venue_id']],
};

const scheduleSeats: TableSpec = {
  name: 'schedule_seats',
  columns: {
    schedule_id: 'varchar(36)',
    seat_id: 'varchar(64)',
    status: 'varchar(8)',
    reserved: 'smallint',
    for_sale: 'smallint',
    hold_id: 'varchar(36) null',
    user_id: 'varchar(36) null',
    token_id: 'varchar(36) null',
    order_id: 'varchar(36) null',
    price: 'bigint null',
    expires_at: 'varchar(24) null',
    revision: 'int',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['schedule_id', 'seat_id'],
  indexes: [['expires_at'], ['user_id']],
};

const tables = [venues, sections, seats, performances, schedules, scheduleSeats];

/** Tables of venues, performances, dates and seats. */
export class Catalog1795000000003 implements MigrationInterface {
  readonly name = 'Catalog1795000000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables) await createTable(runner, table);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables) await runner.dropTable(table.name);
  }
}
