import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { dataFiles } from '../../src/app/engines.js';
import { openSealedLog } from '../../src/cli/open-log.js';
import { processTerminal } from '../../src/cli/terminal.js';
import { pagesOf } from '../../src/event-store/reading.js';
import type { Config } from '../../src/platform/config.js';
import { Database } from '../../src/platform/sqlite.js';

/** Changes an office's read models behind its back. */
export async function tamperWithReadModels(config: Config, sql: string): Promise<void> {
  if (config.DATABASE_URL === undefined) {
    const file = new Database(join(config.DATA_DIR, dataFiles.readModels));
    file.exec(sql);
    file.close();
  } else {
    await withDatabase(config.DATABASE_URL, (database) => database.query(sql));
  }
}

/** Changes the payment system's ledger behind its back. */
export function tamperWithPayments(config: Config, sql: string): void {
  const file = new Database(join(config.DATA_DIR, dataFiles.payments));
  file.exec(sql);
  file.close();
}

/**
 * Whatever an office has stored that contains a text: names of files, or `log` and tables and keys of Redis.
 * Bytes are looked at as they are stored, but for the log of a cluster, which is read.
 */
export async function placesWith(config: Config, text: string): Promise<string[]> {
  if (config.DATABASE_URL === undefined) {
    const isIn = (name: string) => readFileSync(join(config.DATA_DIR, name)).includes(text);
    return readdirSync(config.DATA_DIR).filter(isIn).sort();
  }
  const places = await Promise.all([
    logWith(config, text),
    tablesWith(config.DATABASE_URL, text),
    redisKeysWith(String(config.REDIS_URL), text),
  ]);
  return places.flat().sort();
}

async function logWith(config: Config, text: string): Promise<string[]> {
  const log = await openSealedLog(config, processTerminal);
  try {
    for await (const page of pagesOf((options) => log.readAll(options))) {
      if (JSON.stringify(page).includes(text)) return ['log'];
    }
    return [];
  } finally {
    await log.close();
  }
}

function tablesWith(url: string, text: string): Promise<string[]> {
  return withDatabase(url, async (database) => {
    const found: string[] = [];
    const [tables] = await database.query<RowDataPacket[]>('SHOW TABLES');
    for (const table of tables.map((row) => String(Object.values(row)[0]))) {
      const [rows] = await database.query<RowDataPacket[]>(`SELECT * FROM ${table}`);
      if (JSON.stringify(rows).includes(text)) found.push(table);
    }
    return found;
  });
}

async function redisKeysWith(url: string, text: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    // What DUMP gives is compressed otherwise.
    await redis.config('SET', 'rdbcompression', 'no');
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    return keys.filter((key, index) => key.includes(text) || values[index]?.includes(text));
  } finally {
    redis.disconnect();
  }
}

async function withDatabase<Result>(
  url: string,
  work: (database: Connection) => Promise<Result>,
): Promise<Result> {
  const database = await createConnection(url);
  try {
    return await work(database);
  } finally {
    await database.end();
  }
}
