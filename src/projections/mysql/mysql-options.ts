import type { DataSourceOptions } from 'typeorm';
import type { ServerKind } from './server-kind.js';
import { type MysqlLocation, tlsOptions } from './server-url.js';
import type { MysqlLimits } from './settings.js';

/** What all connections to the read models have in common. */
export function mysqlOptions(location: MysqlLocation, type: ServerKind, { connectTimeoutMs }: MysqlLimits) {
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
    // Points and positions stay below 2^53: numbers, as SQLite gives them.
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: connectTimeoutMs,
  } satisfies DataSourceOptions;
}
