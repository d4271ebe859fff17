import type { MessagePort } from 'node:worker_threads';
import type { MigrationOutcome } from './migrations/outcome.js';
import { joinMysql, migrateMysql, openMysql } from './mysql/open.js';
import { defaultMysqlLimits, type MysqlLimits } from './mysql/pool.js';
import { parseMysqlUrl, serverKind } from './mysql/server.js';
import type { ReadModels, WritableTables } from './read-models.js';
import { joinSqlite, migrateSqlite, openSqlite } from './sqlite/open.js';

export type { MigrationOutcome } from './migrations/outcome.js';
export type { MysqlLimits } from './mysql/pool.js';
export { BadDatabaseUrl } from './mysql/server.js';
export type { ReadModels, WritableTables } from './read-models.js';

/** Where the read models are: a MySQL or MariaDB URL, or else an SQLite file. */
export type ReadModelLocation =
  | { readonly url: string; readonly file?: undefined; readonly limits?: Partial<MysqlLimits> }
  | { readonly file: string; readonly url?: undefined };

/**
 * Opens and migrates the read models' database.
 * @param location `mysql://user:password@host:port/database`, or the path of a file (made if missing).
 * @param onWriterLost called when the thread that writes the file ends by itself: the process cannot project any more.
 * @throws when the database cannot be reached or migrated.
 */
export function openReadModels(
  location: ReadModelLocation,
  onWriterLost?: (reason: string) => void,
): Promise<ReadModels> {
  if (location.url === undefined) return openSqlite(location.file, onWriterLost);
  return openMysql(location.url, { ...defaultMysqlLimits, ...location.limits });
}

/**
 * Opens, in another thread, tables that this process has open.
 * @param writer of their {@link ReadModels.connectWriter}.
 * @throws when the database cannot be reached.
 */
export function joinReadModels(
  location: ReadModelLocation,
  writer: MessagePort | undefined,
): Promise<WritableTables> {
  if (location.url !== undefined)
    return joinMysql(location.url, { ...defaultMysqlLimits, ...location.limits });
  if (writer === undefined) throw new Error('a file is written through its writer');
  return joinSqlite(location.file, writer);
}

/**
 * Brings the tables to this build, as opening them does, and tells what was done.
 * @throws when the database cannot be reached or migrated.
 */
export async function migrateReadModels(location: ReadModelLocation): Promise<MigrationOutcome> {
  if (location.url === undefined) return migrateSqlite(location.file);
  const limits = { ...defaultMysqlLimits, ...location.limits };
  const server = parseMysqlUrl(location.url);
  return migrateMysql(server, await serverKind(server, limits.connectTimeoutMs), limits);
}
