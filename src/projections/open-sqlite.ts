import type Database from 'better-sqlite3';
import { DataSource, MigrationExecutor } from 'typeorm';
import { allTables } from './all-projections.js';
import { cleanSqlite } from './clean-sqlite.js';
import { entitySchemas } from './engine/entity-schemas.js';
import { sqliteDialect } from './engine/sqlite-dialect.js';
import { allMigrations } from './migrations/all-migrations.js';
import { type MigrationOutcome, migrationOutcome } from './migrations/outcome.js';
import { closeOnError, type ReadModels, readModels } from './read-models.js';

/** Pages of the write-ahead log (64 MiB) before they are moved: fewer moves of pages that change again. */
const walPages = 16_000;

/**
 * Opens and migrates the file, made if missing.
 * `synchronous=NORMAL` may lose the last batches in a power cut, never corrupt: their checkpoint goes with
 * them, and the log brings them back.
 */
export async function openSqlite(file: string): Promise<ReadModels> {
  const write = await openForWriting(file);
  await closeOnError([write], () => write.runMigrations({ transaction: 'each' }));
  // From here on writers wait without blocking the event loop: see SqliteSession.begin.
  await write.query('PRAGMA busy_timeout = 0');
  const read = new DataSource({
    ...optionsOf(file),
    readonly: true,
    entities: entitySchemas(allTables, 'better-sqlite3'),
    prepareDatabase(database: Database.Database) {
      database.pragma('cache_size = -32000');
    },
  });
  await closeOnError([write], () => read.initialize());
  return readModels(write, read, sqliteDialect, () => cleanSqlite(file));
}

/** Migrates the file, made if missing. */
export async function migrateSqlite(file: string): Promise<MigrationOutcome> {
  const write = await openForWriting(file);
  try {
    const executor = new MigrationExecutor(write);
    executor.transaction = 'each';
    const before = await executor.getExecutedMigrations();
    const now = await executor.executePendingMigrations();
    return migrationOutcome(before, now);
  } finally {
    await write.destroy();
  }
}

function optionsOf(file: string) {
  return { type: 'better-sqlite3', database: file, statementCacheSize: 200 } as const;
}

function openForWriting(file: string): Promise<DataSource> {
  return new DataSource({
    ...optionsOf(file),
    entities: entitySchemas(allTables, 'better-sqlite3'),
    migrations: allMigrations,
    prepareDatabase(database: Database.Database) {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      // A deleted person's name must not stay in the file.
      database.pragma('secure_delete = ON');
      database.pragma(`wal_autocheckpoint = ${walPages}`);
      database.pragma('cache_size = -32000');
    },
  }).initialize();
}
