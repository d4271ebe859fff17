import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reports of rebuilds by earlier versions may contain names of people. New ones do not. */
export class ReportsWithoutNames1797000000501 implements MigrationInterface {
  readonly name = 'ReportsWithoutNames1797000000501';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('UPDATE projection_rebuilds SET report = NULL');
  }

  async down(): Promise<void> {}
}
