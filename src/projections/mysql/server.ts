import { isIP } from 'node:net';
import { createConnection } from 'mysql2/promise';

/** Where a MySQL or MariaDB database is, and who asks. */
export interface MysqlLocation {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** Encrypted, with the certificate verified: Node must trust its authority, and it must name the host. */
  readonly tls: boolean;
}

const defaultPort = 3306;

/** The URL cannot be used; the message says why, without the password. */
export class BadDatabaseUrl extends Error {
  override readonly name = 'BadDatabaseUrl';
}

/**
 * Reads `mysql://user:password@host:port/database`, also with `mariadb:`, and `?tls=true`.
 * @throws {BadDatabaseUrl}
 */
export function parseMysqlUrl(text: string): MysqlLocation {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '') {
    throw new BadDatabaseUrl('the database URL must look like mysql://user:password@host:3306/database');
  }
  const database = decoded(url.pathname.slice(1));
  if (!/^[^/]+$/.test(database))
    throw new BadDatabaseUrl('the database URL must name one database after the host');
  for (const [name, value] of url.searchParams) {
    if (name !== 'tls' || !['true', 'false'].includes(value)) {
      // Neither name nor value is quoted: they may be part of a password.
      throw new BadDatabaseUrl(
        'the database URL may end in ?tls=true or ?tls=false, and in no other parameter',
      );
    }
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const tls = url.searchParams.get('tls') === 'true';
  if (tls && isIP(host) !== 0) {
    // The driver would check the certificate against "localhost".
    throw new BadDatabaseUrl(
      'with ?tls=true the database URL must name the host as its certificate does, not by an IP address',
    );
  }
  return {
    host,
    port: url.port === '' ? defaultPort : Number(url.port),
    username: decoded(url.username),
    password: decoded(url.password),
    database,
    tls,
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadDatabaseUrl('the database URL must have user, password and database percent-encoded');
  }
}

/** The driver's TLS options. By default it accepts a certificate of any name. */
export function tlsOptions({ tls }: Pick<MysqlLocation, 'tls'>) {
  return tls ? { ssl: { rejectUnauthorized: true, verifyIdentity: true } } : {};
}

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
