import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** Held and reserved seats of a date, including those withdrawn from sale: null in older rows. */
export class TakenSeats1797000000012 implements MigrationInterface {
  readonly name = 'TakenSeats1797000000012';

  up(runner: QueryRunner): Promise<void> {
    return addColumns(runner, 'schedules', { taken_seats: 'int null' });
  }

  down(runner: QueryRunner): Promise<void> {
    return runner.dropColumn('schedules', 'taken_seats');
  }
}
