import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

/** Made from the log, or of no use once it is: created empty. */
const derived: readonly TableSpec[] = [
  {
    name: 'users',
    columns: {
      user_id: 'varchar(36)',
      login_id: 'varchar(30)',
      username: 'varchar(50)',
      name: 'varchar(100)',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['user_id'],
    indexes: [['login_id']],
  },
  {
    name: 'points',
    columns: {
      user_id: 'varchar(36)',
      remain_point: 'bigint',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['user_id'],
  },
  {
    name: 'wallet_history',
    columns: {
      user_id: 'varchar(36)',
      revision: 'int',
      kind: 'varchar(8)',
      amount: 'bigint',
      balance: 'bigint',
      charge_id: 'varchar(36) null',
      order_id: 'varchar(36) null',
      position: 'bigint',
      created_at: 'datetime',
    },
    key: ['user_id', 'revision'],
  },
  {
    name: 'charges',
    columns: {
      charge_id: 'varchar(36)',
      user_id: 'varchar(36)',
      amount: 'bigint',
      status: 'varchar(9)',
      payment_id: 'varchar(100) null',
      decline_reason: 'varchar(200) null',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['charge_id'],
    indexes: [['status', 'updated_at']],
  },
  {
    name: 'tokens',
    columns: {
      token_id: 'varchar(36)',
      user_id: 'varchar(36)',
      performance_id: 'varchar(36)',
      token_value: 'varchar(128)',
      entry: 'int',
      number_of_tickets: 'int',
      reservation_time: 'datetime',
      number: 'int null',
      place: 'int null',
      status: 'varchar(9)',
      admitted_at: 'datetime null',
      claim_until: 'datetime null',
      entered_at: 'datetime null',
      expire_date: 'datetime null',
      ended_at: 'datetime null',
      end_reason: 'varchar(20) null',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['token_id'],
    indexes: [
      ['user_id', 'performance_id', 'entry'],
      ['performance_id', 'number'],
      ['performance_id', 'place'],
      ['status', 'claim_until'],
      ['status', 'expire_date'],
    ],
  },
  {
    name: 'queues',
    columns: {
      performance_id: 'varchar(36)',
      capacity: 'int null',
      max_active: 'int null',
      admit_per_second: 'double null',
      claim_window_ms: 'int null',
      service_window_ms: 'int null',
      opens_at: 'datetime null',
      opened: 'boolean',
      opened_at: 'datetime null',
      seed: 'varchar(64) null',
      shuffled_count: 'int',
      issued: 'int',
      admitted_up_to: 'int',
      last_admitted_at: 'datetime null',
      waiting: 'int',
      admitted: 'int',
      entered: 'int',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['performance_id'],
  },
  {
    name: 'venues',
    columns: {
      venue_id: 'varchar(36)',
      venue_name: 'varchar(300)',
      names: 'json',
      location: 'varchar(500)',
      capacity: 'int',
      seat_count: 'int',
      focus_x: 'double null',
      focus_y: 'double null',
      decorations: 'json',
      revision: 'int',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['venue_id'],
  },
  {
    name: 'sections',
    columns: {
      venue_id: 'varchar(36)',
      section_id: 'varchar(64)',
      section_name: 'varchar(100)',
      ordinal: 'int',
      seat_count: 'int',
      category_counts: 'json',
      withdrawn: 'boolean',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['venue_id', 'section_id'],
  },
  {
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
      withdrawn: 'boolean',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['venue_id', 'seat_id'],
    indexes: [['venue_id', 'section_id']],
  },
  {
    name: 'performances',
    columns: {
      performance_id: 'varchar(36)',
      venue_id: 'varchar(36)',
      performance_name: 'varchar(300)',
      names: 'json',
      description: 'text',
      start_date: 'varchar(10)',
      end_date: 'varchar(10)',
      prices: 'json',
      price_from: 'bigint null',
      price_to: 'bigint null',
      sales: 'json',
      sales_opens_at: 'datetime null',
      seed_hash: 'varchar(64)',
      search_text: 'text',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['performance_id'],
    indexes: [['venue_id'], ['start_date', 'performance_id']],
  },
  {
    name: 'schedules',
    columns: {
      schedule_id: 'varchar(36)',
      performance_id: 'varchar(36)',
      venue_id: 'varchar(36)',
      schedule_date_time: 'datetime',
      status: 'varchar(9)',
      capacity: 'int',
      available_seats: 'int',
      held_seats: 'int',
      reserved_seats: 'int',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['schedule_id'],
    indexes: [['performance_id', 'schedule_date_time'], ['venue_id']],
  },
  {
    name: 'schedule_seats',
    columns: {
      schedule_id: 'varchar(36)',
      seat_id: 'varchar(64)',
      status: 'varchar(8)',
      reserved: 'boolean',
      for_sale: 'boolean',
      hold_id: 'varchar(36) null',
      user_id: 'varchar(36) null',
      token_id: 'varchar(36) null',
      order_id: 'varchar(36) null',
      price: 'bigint null',
      expires_at: 'datetime null',
      revision: 'int',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['schedule_id', 'seat_id'],
    indexes: [['expires_at'], ['user_id']],
  },
  {
    name: 'orders',
    columns: {
      order_id: 'varchar(36)',
      user_id: 'varchar(36)',
      performance_id: 'varchar(36)',
      token_id: 'varchar(36)',
      payment_id: 'varchar(100) null',
      order_date: 'datetime',
      total_amount: 'bigint',
      item_count: 'int',
      order_status: 'varchar(9)',
      failure_reason: 'varchar(30) null',
      settled: 'boolean',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['order_id'],
    indexes: [
      ['user_id', 'order_date', 'order_id'],
      ['settled', 'updated_at'],
    ],
  },
  {
    name: 'order_items',
    columns: {
      order_id: 'varchar(36)',
      item_no: 'int',
      schedule_id: 'varchar(36)',
      seat_id: 'varchar(64)',
      hold_id: 'varchar(36)',
      quantity: 'int',
      price: 'bigint',
      created_at: 'datetime',
    },
    key: ['order_id', 'item_no'],
  },
  {
    name: 'payments',
    columns: {
      payment_id: 'varchar(100)',
      user_id: 'varchar(36)',
      order_id: 'varchar(36)',
      payment_date: 'datetime',
      amount: 'bigint',
      payment_status: 'varchar(9)',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['payment_id'],
  },
  {
    name: 'payment_points',
    columns: {
      payment_id: 'varchar(100)',
      user_id: 'varchar(36)',
      amount: 'bigint',
      created_at: 'datetime',
    },
    key: ['payment_id', 'user_id'],
  },
  {
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
      reservation_date: 'datetime',
      reservation_status: 'varchar(9)',
      created_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['reservation_id'],
    indexes: [['user_id', 'reservation_date', 'reservation_id'], ['order_id']],
  },
  {
    name: 'projection_rebuilds',
    columns: {
      slot: 'varchar(8)',
      rebuild_id: 'varchar(36)',
      status: 'varchar(10)',
      request: 'json',
      progress: 'json null',
      report: 'json null',
      error: 'text null',
      lease_until: 'datetime',
      requested_at: 'datetime',
      updated_at: 'datetime',
    },
    key: ['slot'],
  },
];

const checkpoints: TableSpec = {
  name: 'projection_checkpoints',
  columns: {
    name: 'varchar(64)',
    version: 'int',
    position: 'bigint',
    updated_at: 'datetime',
    generation: 'int null',
    paused_at: 'datetime null',
    parked: 'json null',
    fenced_by: 'varchar(36) null',
    made_from: 'json null',
  },
  key: ['name'],
};

/** The checkpoints of the release before, until their pauses are in the new table. */
const formerCheckpoints = 'projection_checkpoints__former';
/** Of the projections that fill these tables. */
const projectionVersion = 2;

/**
 * The read models with the types their readers expect: moments, booleans and JSON. Tables of earlier releases are
 * dropped, whatever they are like, and the projections fill the new ones from the log, as they do in a new database.
 * Of the checkpoints only the operators' pauses stay. Where DDL commits by itself, a migration that was cut off begins
 * again.
 */
export class ReadModels1796000000001 implements MigrationInterface {
  readonly name = 'ReadModels1796000000001';

  async up(runner: QueryRunner): Promise<void> {
    if (!(await runner.hasTable(formerCheckpoints)) && (await runner.hasTable(checkpoints.name))) {
      await runner.renameTable(checkpoints.name, formerCheckpoints);
    }
    for (const name of [...derived.map((table) => table.name), 'sessions']) {
      // In SQL: TypeORM would look up each in the information schema's columns, dozens of queries; MariaDB 10.11.19 crashed in
      // one of them (ha_maria::drop_table of its temporary table).
      for (const suffix of ['', '__next', '__old'])
        await runner.query(`DROP TABLE IF EXISTS ${name}${suffix}`);
    }
    for (const table of derived) await createTable(runner, table, { mayExist: false });
    await createTable(runner, checkpoints);
    await keepPauses(runner);
    await runner.query(`DROP TABLE IF EXISTS ${formerCheckpoints}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [...derived, checkpoints]) await runner.dropTable(table.name);
  }
}

/** The first release had no pauses. */
async function keepPauses(runner: QueryRunner): Promise<void> {
  if (!(await runner.hasColumn(formerCheckpoints, 'paused_at'))) return;
  const paused: { readonly name: string; readonly paused_at: string; readonly generation: number | null }[] =
    await runner.query(
      `SELECT name, paused_at, generation FROM ${formerCheckpoints}
       WHERE paused_at IS NOT NULL AND name NOT IN (SELECT name FROM ${checkpoints.name})`,
    );
  for (const { name, paused_at, generation } of paused) {
    // ISO 8601 until then.
    const at = paused_at.replace('T', ' ').replace('Z', '');
    await runner.query(
      `INSERT INTO ${checkpoints.name} (name, version, position, updated_at, generation, paused_at)
       VALUES (?, ?, -1, ?, ?, ?)`,
      [name, projectionVersion, at, (generation ?? 0) + 1, at],
    );
  }
}
