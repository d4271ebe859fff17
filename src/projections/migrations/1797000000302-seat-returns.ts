import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** From when on a seat that is given back or lapses may be held again: null in older rows, whose seats are free at once. */
export class SeatReturns1797000000302 implements MigrationInterface {
  readonly name = 'SeatReturns1797000000302';

  up(runner: QueryRunner): Promise<void> {
    return addColumns(runner, 'schedule_seats', { available_from: 'datetime null' });
  }

  down(runner: QueryRunner): Promise<void> {
    return runner.dropColumn('schedule_seats', 'available_from');
  }
}
