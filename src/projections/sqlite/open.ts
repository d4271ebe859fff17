import { DataSource, MigrationExecutor } from 'typeorm';
import { Database } from '../../platform/sqlite.js';
import { allTables } from '../all-projections.js';
import { entitySchemas } from '../engine/entity-schemas.js';
import { allMigrations } from '../migrations/all-migrations.js';
import { type MigrationOutcome, migrationOutcome } from '../migrations/outcome.js';
import { closeOnError, type ReadModels, readModels } from '../read-models.js';
import { cleanSqlite } from './clean.js';
import { sqliteDialect, startWriter } from './dialect.js';
import { setForWriting } from './pragmas.js';

/**
 * Opens and migrates the file, made if missing.
 * @throws saying what to do when the file is damaged.
 */
export async function openSqlite(file: string): Promise<ReadModels> {
  try {
    return await openTables(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!/file is not a database|malformed/.test(reason)) throw error;
    const remedy = 'move the file away and start again: it is made anew from the log';
    throw new Error(`the read models in ${file} are damaged (${reason}): ${remedy}`, { cause: error });
  }
}

async function openTables(file: string): Promise<ReadModels> {
  const write = await openForWriting(file);
  await closeOnError([write], () => write.runMigrations({ transaction: 'each' }));
  const read = new DataSource({
    ...optionsOf(file),
    readonly: true,
    entities: entitySchemas(allTables, 'better-sqlite3'),
    prepareDatabase(database: Database) {
      database.pragma('cache_size = -32000');
    },
  });
  await closeOnError([write], () => read.initialize());
  const writer = startWriter(write, file);
  return readModels(write, read, {
    dialect: sqliteDialect,
    clean: () => cleanSqlite(write),
    beforeClose: () => writer.close(),
  });
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
  return { type: 'better-sqlite3', driver: Database, database: file, statementCacheSize: 200 } as const;
}

function openForWriting(file: string): Promise<DataSource> {
  return new DataSource({
    ...optionsOf(file),
    entities: entitySchemas(allTables, 'better-sqlite3'),
    migrations: allMigrations,
    prepareDatabase: setForWriting,
  }).initialize();
}
