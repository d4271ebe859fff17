import { DataSource, MigrationExecutor } from 'typeorm';
import { allMigrations } from '../migrations/all-migrations.js';
import { type MigrationOutcome, migrationOutcome } from '../migrations/outcome.js';
import { mysqlOptions } from './mysql-options.js';
import type { ServerKind } from './server-kind.js';
import { takeServerLock } from './server-lock.js';
import type { MysqlLocation } from './server-url.js';
import type { MysqlLimits } from './settings.js';

/** How long a starting process waits for another one's migrations, seconds. */
const lockWaitSeconds = 60;
/**
 * Brings the tables to this build. DDL commits by itself, so processes that start together take turns; what a
 * process left half done is finished by the next, since a table that is there is not created again.
 * No time limit: a change of a large table takes long.
 */
export async function migrateMysql(
  location: MysqlLocation,
  kind: ServerKind,
  limits: MysqlLimits,
): Promise<MigrationOutcome> {
  const server = new DataSource({
    ...mysqlOptions(location, kind, limits),
    poolSize: 1,
    migrations: allMigrations,
  });
  await server.initialize();
  try {
    const runner = server.createQueryRunner();
    const lock = await takeServerLock(
      (sql, values) => runner.query(sql, [...values]),
      'migrations',
      lockWaitSeconds,
    );
    if (!lock) throw new Error('another process is still migrating the read models');
    // On the lock's own connection: whoever loses the lock cannot go on.
    const executor = new MigrationExecutor(server, runner);
    executor.transaction = 'none';
    const before = await executor.getExecutedMigrations();
    const now = await executor.executePendingMigrations();
    return migrationOutcome(before, now);
  } finally {
    // Closing the connection gives the lock back.
    await server.destroy();
  }
}
