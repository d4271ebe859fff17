import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, addIndex, dropIndex } from './create-table.js';

const byStatusAndIdle = ['status', 'idle_until'];

/** When a fan inside who holds nothing loses the turn: null in older rows, whose turns have no such end. */
export class IdleTurns1797000000301 implements MigrationInterface {
  readonly name = 'IdleTurns1797000000301';

  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'tokens', { idle_until: 'datetime null' });
    await addIndex(runner, 'tokens', byStatusAndIdle);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'tokens', byStatusAndIdle);
    await runner.dropColumn('tokens', 'idle_until');
  }
}
