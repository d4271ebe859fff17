import { createConnection } from 'mysql2/promise';
import { type MysqlLocation, tlsOptions } from './server-url.js';

/** The two servers speak one protocol and differ in SQL; TypeORM must know which it is. */
export type ServerKind = 'mysql' | 'mariadb';

/** Oldest versions with everything the tables need: collations that neither fold nor pad, atomic DDL. */
const oldest = { mysql: [8, 0, 19], mariadb: [10, 6, 0] } as const;

/**
 * Asks the server what it is.
 * @param connectTimeoutMs how long to wait for it.
 * @throws when it does not answer, or is too old.
 */
export async function serverKind(location: MysqlLocation, connectTimeoutMs: number): Promise<ServerKind> {
  const { username: user, tls: _, ...where } = location;
  const connection = await createConnection({
    ...where,
    user,
    connectTimeout: connectTimeoutMs,
    ...tlsOptions(location),
  });
  try {
    const [rows] = await connection.query({ sql: 'SELECT VERSION()', rowsAsArray: true });
    return kindOfVersion(String(rows));
  } finally {
    await connection.end();
  }
}

/** Reads what `SELECT VERSION()` answers. @throws when the server is too old. */
export function kindOfVersion(version: string): ServerKind {
  const kind = version.includes('MariaDB') ? 'mariadb' : 'mysql';
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const [needMajor, needMinor, needPatch] = oldest[kind];
  const difference = major - needMajor || minor - needMinor || patch - needPatch;
  if (difference >= 0) return kind;
  throw new Error(`the read models need MySQL 8.0.19 or MariaDB 10.6 and later, not ${version}`);
}
