import type { MigrationInterface, QueryRunner } from 'typeorm';
import { replaceIndex } from './create-table.js';

const byPlace = ['performance_id', 'place'];
const byStatusAndPlace = ['performance_id', 'status', 'place'];

/** Finds those who wait in one queue without reading those whose turn is over, or who wait in another. */
export class WaitingByPlace1797000000015 implements MigrationInterface {
  readonly name = 'WaitingByPlace1797000000015';

  up(runner: QueryRunner): Promise<void> {
    return replaceIndex(runner, 'tokens', { from: byPlace, to: byStatusAndPlace });
  }

  down(runner: QueryRunner): Promise<void> {
    return replaceIndex(runner, 'tokens', { from: byStatusAndPlace, to: byPlace });
  }
}
