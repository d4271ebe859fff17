import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** Wheelchair and companion places and restricted views: null for ordinary seats, and in older rows. */
export class SeatFeatures1797000000014 implements MigrationInterface {
  readonly name = 'SeatFeatures1797000000014';

  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'seats', { features: 'json null' });
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumns('seats', ['features']);
  }
}
