import { DataSource, type DataSourceOptions, MigrationExecutor } from 'typeorm';
import { allEntities } from '../all-projections.js';
import { TableNames } from '../engine/entity.js';
import { allMigrations } from '../migrations/all-migrations.js';
import { type MigrationOutcome, migrationOutcome } from '../migrations/outcome.js';
import { closeOnError, type ReadModels, readModels, type WritableTables } from '../read-models.js';
import { mysqlDialect, takeServerLock } from './dialect.js';
import { boundedMysql, type MysqlLimits, readSession, writeSession } from './pool.js';
import { type MysqlLocation, parseMysqlUrl, type ServerKind, serverKind, tlsOptions } from './server.js';

/**
 * Opens and migrates the read models in a MySQL or MariaDB database, which must exist.
 * @throws when the server cannot be reached or is too old, and when migrations fail.
 */
export async function openMysql(url: string, limits: MysqlLimits): Promise<ReadModels> {
  const location = parseMysqlUrl(url);
  const kind = await serverKind(location, limits.connectTimeoutMs);
  await migrateMysql(location, kind, limits);
  const { acquireTimeoutMs, idleTimeoutMs: idleMs } = limits;
  const write = await openForWriting(location, kind, limits);
  const read = new DataSource({
    ...mysqlOptions(location, kind, limits),
    poolSize: limits.readPoolSize,
    entities: [...allEntities],
    driver: boundedMysql({
      session: readSession(kind, limits),
      // The server should end the query first: that keeps the connection.
      silenceMs: limits.queryTimeoutMs + limits.acquireTimeoutMs,
      idleMs,
      acquireTimeoutMs,
    }),
  });
  await closeOnError([write], () => read.initialize());
  return readModels(write, read, { dialect: mysqlDialect, connectWriter: () => undefined });
}

/**
 * Opens, in another thread, tables that this process has opened and migrated.
 * @throws when the server cannot be reached.
 */
export async function joinMysql(url: string, limits: MysqlLimits): Promise<WritableTables> {
  const location = parseMysqlUrl(url);
  const kind = await serverKind(location, limits.connectTimeoutMs);
  const write = await openForWriting(location, kind, limits);
  return { write, dialect: mysqlDialect, close: () => write.destroy() };
}

function openForWriting(location: MysqlLocation, kind: ServerKind, limits: MysqlLimits): Promise<DataSource> {
  const write = new DataSource({
    ...mysqlOptions(location, kind, limits),
    poolSize: limits.writePoolSize,
    ...plainCells,
    entities: [...allEntities],
    migrations: allMigrations,
    driver: boundedMysql({
      session: writeSession(limits),
      silenceMs: limits.writeTimeoutMs,
      idleMs: limits.idleTimeoutMs,
      acquireTimeoutMs: limits.acquireTimeoutMs,
    }),
  });
  return write.initialize();
}

/** Sessions of projections convert moments and JSON themselves, as on SQLite. */
const plainCells = { dateStrings: true, extra: { jsonStrings: true } } as const;

/** What all connections to the read models have in common. */
function mysqlOptions(location: MysqlLocation, type: ServerKind, { connectTimeoutMs }: MysqlLimits) {
  const { host, port, username, password, database } = location;
  return {
    type,
    host,
    port,
    username,
    password,
    database,
    ...tlsOptions(location),
    charset: 'utf8mb4',
    timezone: 'Z',
    namingStrategy: new TableNames(),
    // Points and positions stay below 2^53: numbers, as SQLite gives them.
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: connectTimeoutMs,
  } satisfies DataSourceOptions;
}

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
    // On the lock's own connection: a migration that loses the lock cannot go on.
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
