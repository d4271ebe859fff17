import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { DataSource, MigrationExecutor } from 'typeorm';
import { createPrivateFile } from '../../platform/data-folder.js';
import { Database } from '../../platform/sqlite.js';
import { allEntities } from '../all-projections.js';
import { TableNames } from '../engine/entity.js';
import { allMigrations } from '../migrations/all-migrations.js';
import { type MigrationOutcome, migrationOutcome } from '../migrations/outcome.js';
import { closeOnError, type ReadModels, readModels, type WritableTables } from '../read-models.js';
import { sqliteDialect, writeThrough } from './dialect.js';
import { setForWriting } from './statements.js';
import { type LostWriter, WriterClient, WriterConnection } from './writer-client.js';

/**
 * Opens and migrates the file, made if missing.
 * @param onWriterLost called when the thread that writes the file ends by itself.
 * @throws saying what to do when the file is damaged.
 */
export async function openSqlite(file: string, onWriterLost?: LostWriter): Promise<ReadModels> {
  try {
    return await openTables(file, onWriterLost);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!/file is not a database|malformed/.test(reason)) throw error;
    const remedy = 'move the file away and start again: it is made anew from the log';
    throw new Error(`the read models in ${file} are damaged (${reason}): ${remedy}`, { cause: error });
  }
}

async function openTables(file: string, onWriterLost?: LostWriter): Promise<ReadModels> {
  const write = await openForWriting(file);
  await closeOnError([write], () => write.runMigrations({ transaction: 'each' }));
  const read = openForReading(file);
  await closeOnError([write], () => read.initialize());
  const writer = new WriterClient(file, { onLost: onWriterLost });
  writeThrough(write, writer);
  return readModels(write, read, {
    dialect: sqliteDialect,
    connectWriter: () => writer.connect(),
    beforeClose: () => writer.close(),
  });
}

/**
 * Opens, in another thread, tables that this process has open.
 * @param port to the writer of the file, of {@link ReadModels.connectWriter}.
 */
export async function joinSqlite(file: string, port: MessagePort): Promise<WritableTables> {
  const tables = await openForReading(file).initialize();
  const writer = new WriterConnection(port);
  writeThrough(tables, writer);
  return {
    write: tables,
    dialect: sqliteDialect,
    async close() {
      await writer.close();
      await tables.destroy();
    },
  };
}

/** Not initialized. */
function openForReading(file: string): DataSource {
  return new DataSource({
    ...optionsOf(file),
    readonly: true,
    entities: [...allEntities],
    prepareDatabase(database: Database) {
      database.pragma('cache_size = -32000');
    },
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
  return {
    type: 'better-sqlite3',
    driver: Database,
    database: file,
    statementCacheSize: 200,
    namingStrategy: new TableNames(),
  } as const;
}

async function openForWriting(file: string): Promise<DataSource> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  createPrivateFile(file);
  return new DataSource({
    ...optionsOf(file),
    entities: [...allEntities],
    migrations: allMigrations,
    prepareDatabase: setForWriting,
  }).initialize();
}
