import { DataSource } from 'typeorm';
import { allTables } from '../all-projections.js';
import { entitySchemas } from '../engine/entity-schemas.js';
import { allMigrations } from '../migrations/all-migrations.js';
import { closeOnError, type ReadModels, readModels } from '../read-models.js';
import { mysqlDialect } from './dialect.js';
import { migrateMysql } from './migrate-mysql.js';
import { mysqlOptions } from './mysql-options.js';
import { boundedMysql } from './pool.js';
import { serverKind } from './server-kind.js';
import { parseMysqlUrl } from './server-url.js';
import { type MysqlLimits, readSession, writeSession } from './settings.js';

/**
 * Opens and migrates the read models in a MySQL or MariaDB database, which must exist.
 * @throws when the server cannot be reached or is too old, and when migrations fail.
 */
export async function openMysql(url: string, limits: MysqlLimits): Promise<ReadModels> {
  const location = parseMysqlUrl(url);
  const kind = await serverKind(location, limits.connectTimeoutMs);
  await migrateMysql(location, kind, limits);
  const { acquireTimeoutMs, idleTimeoutMs: idleMs } = limits;
  const write = new DataSource({
    ...mysqlOptions(location, kind, limits),
    poolSize: limits.writePoolSize,
    entities: entitySchemas(allTables, kind),
    migrations: allMigrations,
    driver: boundedMysql({
      session: writeSession(limits),
      silenceMs: limits.writeTimeoutMs,
      idleMs,
      acquireTimeoutMs,
    }),
  });
  await write.initialize();
  const read = new DataSource({
    ...mysqlOptions(location, kind, limits),
    poolSize: limits.readPoolSize,
    entities: entitySchemas(allTables, kind),
    driver: boundedMysql({
      session: readSession(kind, limits),
      // The server should end the query first: that keeps the connection.
      silenceMs: limits.queryTimeoutMs + limits.acquireTimeoutMs,
      idleMs,
      acquireTimeoutMs,
    }),
  });
  await closeOnError([write], () => read.initialize());
  // Pages of a server are its own: docs/personal-data.md.
  return readModels(write, read, { dialect: mysqlDialect, clean: async () => undefined });
}
