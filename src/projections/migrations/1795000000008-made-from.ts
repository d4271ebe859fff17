import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumn } from './create-table.js';

const checkpoints = 'projection_checkpoints';

/** Which log the tables of each projection were made from. */
export class MadeFrom1795000000008 implements MigrationInterface {
  readonly name = 'MadeFrom1795000000008';

  async up(runner: QueryRunner): Promise<void> {
    await addColumn(runner, checkpoints, 'made_from', 'mediumtext null');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn(checkpoints, 'made_from');
  }
}
