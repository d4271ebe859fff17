import { createConnection } from 'mysql2/promise';
import { Database } from '../../platform/sqlite.js';
import type { AnyRow, CellValue } from '../engine/table.js';
import { parseMysqlUrl, tlsOptions } from '../mysql/server-url.js';
import { defaultMysqlLimits } from '../mysql/settings.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { Query } from './sorted-rows.js';

/** The read models as they were at one moment, whatever is written meanwhile. */
export interface Snapshot {
  readonly query: Query;
  close(): Promise<void>;
}

/**
 * Opens read models to look at them: nothing is created, migrated or written. While it is open the database keeps
 * old versions of changed rows, so close it soon.
 * @throws when the database cannot be opened.
 */
export function openSnapshot(location: ReadModelLocation): Promise<Snapshot> {
  return location.url === undefined ? sqliteSnapshot(location.file) : mysqlSnapshot(location.url);
}

async function sqliteSnapshot(file: string): Promise<Snapshot> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  // The first query fixes what all of them see.
  database.exec('BEGIN');
  return {
    query: async (sql, parameters) => database.prepare<CellValue[], AnyRow>(sql).all(...parameters),
    close: async () => void database.close(),
  };
}

async function mysqlSnapshot(url: string): Promise<Snapshot> {
  const location = parseMysqlUrl(url);
  const { username: user, tls: _, ...where } = location;
  const connection = await createConnection({
    ...where,
    user,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: defaultMysqlLimits.connectTimeoutMs,
    ...tlsOptions(location),
  });
  // A connection lost while nobody asks would end the process; the next query says so anyway.
  connection.on('error', () => undefined);
  try {
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return {
    async query(sql, parameters) {
      const [rows] = await connection.query({ sql, values: [...parameters], timeout: queryTimeoutMs });
      // A SELECT answers with rows, and our columns hold numbers, text and null only.
      return rows as AnyRow[];
    },
    close: () => connection.end(),
  };
}

/** Longest wait for one page of rows. */
const queryTimeoutMs = 60_000;
