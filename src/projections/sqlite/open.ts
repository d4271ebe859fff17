import { setTimeout as delay } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { DataSource, MigrationExecutor } from 'typeorm';
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
    clean: () => cleanSqlite(write),
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

function openForWriting(file: string): Promise<DataSource> {
  return new DataSource({
    ...optionsOf(file),
    entities: [...allEntities],
    migrations: allMigrations,
    prepareDatabase: setForWriting,
  }).initialize();
}

/** How long to wait for readers of old pages, ms. */
const timeoutMs = 10_000;
const pauseMs = 20;

/**
 * Removes what deleted people left in the file. Deleted rows are overwritten by themselves (`secure_delete`), but
 * pages that split keep copies of index entries, and the write-ahead log keeps old pages: the index is made anew and
 * the log emptied. The log may be large, so that is done in the writer's thread, between two transactions.
 * @throws when the file stays in use for longer than ten seconds.
 */
async function cleanSqlite(write: DataSource): Promise<void> {
  await sqliteDialect.withSession(write, (session) => session.run('REINDEX users', []));
  const deadline = performance.now() + timeoutMs;
  while (!(await emptyLog(write))) {
    if (performance.now() > deadline)
      throw new Error('the read models stay in use: they could not be cleaned');
    await delay(pauseMs);
  }
}

/** Whether no reader or writer was in the way. */
function emptyLog(write: DataSource): Promise<boolean> {
  return sqliteDialect.withSession(write, async (session) => {
    const [result] = await session.all('PRAGMA wal_checkpoint(TRUNCATE)', []);
    return result?.busy === 0;
  });
}
