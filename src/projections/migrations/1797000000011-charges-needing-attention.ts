import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** Why a charge needs an operator, and how one settled it: null in older rows, and in charges that never did. */
const columns = {
  attention_cause: 'varchar(30) null',
  attention_reason: 'varchar(500) null',
  settle_reason: 'varchar(500) null',
} as const;

export class ChargesNeedingAttention1797000000011 implements MigrationInterface {
  readonly name = 'ChargesNeedingAttention1797000000011';

  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'charges', columns);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumns('charges', Object.keys(columns));
  }
}
