import { openMysql } from './mysql/open-mysql.js';
import { defaultMysqlLimits, type MysqlLimits } from './mysql/settings.js';
import { openSqlite } from './open-sqlite.js';
import type { ReadModels } from './read-models.js';

export type { ReadModels } from './read-models.js';

/** Where the read models are: a MySQL or MariaDB URL, or else an SQLite file. */
export type ReadModelLocation =
  | { readonly url: string; readonly file?: undefined; readonly limits?: Partial<MysqlLimits> }
  | { readonly file: string; readonly url?: undefined };

/**
 * Opens and migrates the read models' database.
 * @param location `mysql://user:password@host:port/database`, or the path of a file (made if missing).
 * @throws when the database cannot be reached or migrated.
 */
export function openReadModels(location: ReadModelLocation): Promise<ReadModels> {
  if (location.url === undefined) return openSqlite(location.file);
  return openMysql(location.url, { ...defaultMysqlLimits, ...location.limits });
}
