import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createTable, type TableSpec } from './create-table.js';

const projectionCheckpoints: TableSpec = {
  name: 'projection_checkpoints',
  columns: {
    name: 'varchar(64)',
    version: 'int',
    position: 'bigint',
    updated_at: 'varchar(24)',
  },
  key: ['name'],
};

const users: TableSpec = {
  name: 'users',
  columns: {
    user_id: 'varchar(36)',
    login_id: 'varchar(30)',
    username: 'varchar(50)',
    name: 'varchar(100)',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['user_id'],
  indexes: [['login_id']],
};

const sessions: TableSpec = {
  name: 'sessions',
  columns: {
    session_id: 'varchar(36)',
    user_id: 'varchar(36)',
    status: 'varchar(5)',
    generation: 'int',
    expires_at: 'varchar(24)',
    end_reason: 'varchar(6) null',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['session_id'],
  indexes: [['user_id']],
};

const points: TableSpec = {
  name: 'points',
  columns: {
    user_id: 'varchar(36)',
    remain_point: 'bigint',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['user_id'],
};

const walletHistory: TableSpec = {
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
    created_at: 'varchar(24)',
  },
  key: ['user_id', 'revision'],
};

const charges: TableSpec = {
  name: 'charges',
  columns: {
    charge_id: 'varchar(36)',
    user_id: 'varchar(36)',
    amount: 'bigint',
    status: 'varchar(9)',
    payment_id: 'varchar(100) null',
    decline_reason: 'varchar(200) null',
    created_at: 'varchar(24)',
    updated_at: 'varchar(24)',
  },
  key: ['charge_id'],
  indexes: [['status', 'updated_at']],
};

const tables = [projectionCheckpoints, users, sessions, points, walletHistory, charges];

/** Tables of accounts, log-ins, wallets and charges; and the checkpoints. */
export class People1795000000001 implements MigrationInterface {
  readonly name = 'People1795000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tables) await createTable(runner, table);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tables) await runner.dropTable(table.name);
  }
}
