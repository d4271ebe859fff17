import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns } from './create-table.js';

/** What decides the places of a queue beside its seed: null in rows of queues that the seed alone drew. */
const ofQueue = {
  tokens_digest: 'varchar(64) null',
  beacon_round: 'int null',
  beacon_signature: 'varchar(96) null',
} as const;

export class Draws1797000000601 implements MigrationInterface {
  readonly name = 'Draws1797000000601';

  async up(runner: QueryRunner): Promise<void> {
    await addColumns(runner, 'queues', ofQueue);
    await addColumns(runner, 'performances', { beacon_round: 'int null' });
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumns('queues', Object.keys(ofQueue));
    await runner.dropColumn('performances', 'beacon_round');
  }
}
