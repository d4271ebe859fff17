import type Database from 'better-sqlite3';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { allTables } from './all-projections.js';
import type { Dialect } from './engine/dialect.js';
import { entitySchemas } from './engine/entity-schemas.js';
import { mysqlDialect } from './engine/mysql-dialect.js';
import { sqliteDialect } from './engine/sqlite-dialect.js';
import { allMigrations } from './migrations/all-migrations.js';

/** The read models' database, migrated to this build. */
export interface ReadModels {
  /** For projections only. */
  readonly write: DataSource;
  /** For queries: sees committed batches only. */
  readonly read: DataSource;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

/** Where the read models are: a MySQL or MariaDB URL, or else an SQLite file. */
export type ReadModelLocation =
  | { readonly url: string; readonly file?: undefined }
  | { readonly file: string; readonly url?: undefined };

/** Pages of the write-ahead log (64 MiB) before they are moved: fewer moves of pages that change again. */
const walPages = 16_000;
const writePoolSize = 4;
const readPoolSize = 10;
const connectTimeoutMs = 10_000;
/** How long a starting process waits for another one's migrations, seconds. */
const migrationLockSeconds = 60;
const migrationLock = 'boxoffice-migrations';

/**
 * Opens and migrates the read models' database.
 * @param location `mysql://user:password@host:port/database`, or the path of a file (made if missing).
 * @throws when the database cannot be reached or migrated.
 */
export function openReadModels(location: ReadModelLocation): Promise<ReadModels> {
  return location.url === undefined ? openSqlite(location.file) : openMysql(location.url);
}

/**
 * `synchronous=NORMAL` may lose the last batches in a power cut, never corrupt: their checkpoint goes with
 * them, and the log brings them back.
 */
async function openSqlite(file: string): Promise<ReadModels> {
  const options = { type: 'better-sqlite3', database: file, statementCacheSize: 200 } as const;
  const write = new DataSource({
    ...options,
    entities: entitySchemas(allTables, 'better-sqlite3'),
    migrations: allMigrations,
    prepareDatabase(database: Database.Database) {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.pragma(`wal_autocheckpoint = ${walPages}`);
      database.pragma('cache_size = -32000');
    },
  });
  await write.initialize();
  await closeOnError([write], () => write.runMigrations({ transaction: 'each' }));
  // From here on writers wait without blocking the event loop: see SqliteSession.begin.
  await write.query('PRAGMA busy_timeout = 0');
  const read = new DataSource({
    ...options,
    readonly: true,
    entities: entitySchemas(allTables, 'better-sqlite3'),
    prepareDatabase(database: Database.Database) {
      database.pragma('cache_size = -32000');
    },
  });
  await closeOnError([write], () => read.initialize());
  return readModels(write, read, sqliteDialect);
}

async function openMysql(url: string): Promise<ReadModels> {
  const type = await serverType(url);
  const write = new DataSource({
    ...mysqlOptions(url, type, writePoolSize),
    entities: entitySchemas(allTables, type),
    migrations: allMigrations,
  });
  await write.initialize();
  await closeOnError([write], () => migrateAlone(write));
  const read = new DataSource({
    ...mysqlOptions(url, type, readPoolSize),
    entities: entitySchemas(allTables, type),
  });
  await closeOnError([write], () => read.initialize());
  return readModels(write, read, mysqlDialect);
}

function mysqlOptions(url: string, type: 'mysql' | 'mariadb', poolSize: number) {
  return {
    type,
    // TypeORM reads the type from the protocol.
    url: url.replace(/^\w+:/, `${type}:`),
    charset: 'utf8mb4',
    // Points and positions stay below 2^53: numbers, as SQLite gives them.
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: connectTimeoutMs,
    poolSize,
  } satisfies DataSourceOptions;
}

/** TypeORM speaks to the two servers differently, and either answers on a `mysql:` URL. */
async function serverType(url: string): Promise<'mysql' | 'mariadb'> {
  const probe = new DataSource(mysqlOptions(url, 'mysql', 1));
  await probe.initialize();
  try {
    const [row] = await probe.query<{ version: string }[]>('SELECT VERSION() AS version');
    return row?.version.includes('MariaDB') ? 'mariadb' : 'mysql';
  } finally {
    await probe.destroy();
  }
}

/** DDL commits by itself in MySQL, so processes that start together must not migrate together. */
async function migrateAlone(write: DataSource): Promise<void> {
  const runner = write.createQueryRunner();
  try {
    const [row]: { locked: number | null }[] = await runner.query('SELECT GET_LOCK(?, ?) AS locked', [
      migrationLock,
      migrationLockSeconds,
    ]);
    if (row?.locked !== 1) throw new Error('another process is still migrating the read models');
    await write.runMigrations({ transaction: 'none' });
    await runner.query('SELECT RELEASE_LOCK(?)', [migrationLock]);
  } finally {
    await runner.release();
  }
}

async function closeOnError(opened: readonly DataSource[], work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    for (const dataSource of opened) await dataSource.destroy();
    throw error;
  }
}

function readModels(write: DataSource, read: DataSource, dialect: Dialect): ReadModels {
  let closing: Promise<void> | undefined;
  const closeBoth = async (): Promise<void> => {
    await read.destroy();
    await write.destroy();
  };
  return {
    write,
    read,
    dialect,
    close() {
      closing ??= closeBoth();
      return closing;
    },
  };
}
