import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { ready, startTimeoutMs } from './members.mjs';
import { freePort } from './ports.mjs';
import { findDatabaseServers, findProgram, MissingEngine } from './programs.mjs';

const run = promisify(execFile);
const initialiseTimeoutMs = 120_000;
const connectTimeoutMs = 5_000;
const names = { mariadb: 'MariaDB', mysql: 'MySQL' };
/**
 * Without a second port for the X protocol, without the folder for files that packages configure, and without a binary
 * log, which would keep erased names.
 */
const flagsOfMysql = ['--mysqlx=OFF', '--secure-file-priv=NULL', '--disable-log-bin'];

/**
 * Read models: the server of DATABASE_URL, or a MariaDB or MySQL of PATH with its files in the stack's folder.
 * @param database `mariadb` or `mysql`; undefined: whichever is there.
 * @param logName tells one log from another: each has tables of its own.
 * @param secret the database's password is derived from it.
 * @returns its URL.
 * @throws {MissingEngine} when there is none.
 */
export async function startDatabase({ folder, env, database, logName, secret, start }) {
  if (env.DATABASE_URL) return env.DATABASE_URL;
  const own = join(folder, 'database');
  const data = join(own, 'data');
  const { kind, program } = serverFor(own, data, database);
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  if (madeBy(data) === undefined) await initialise(kind, program, data, asRoot);
  const password = createHmac('sha256', secret).update('database of the local stack').digest('hex');
  const schema = `boxoffice_${createHash('sha256').update(logName).digest('hex').slice(0, 8)}`;
  const account = "'boxoffice'@'127.0.0.1'";
  const statements = [
    `CREATE DATABASE IF NOT EXISTS ${schema} CHARACTER SET utf8mb4`,
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}'`,
    `ALTER USER ${account} IDENTIFIED BY '${password}'`,
    `GRANT ALL ON ${schema}.* TO ${account}`,
  ];
  writeFileSync(join(own, 'init.sql'), statements.map((line) => `${line};\n`).join(''), { mode: 0o600 });
  const port = await freePort();
  const settings = {
    datadir: data,
    'init-file': join(own, 'init.sql'),
    socket: join(own, 'socket'),
    'pid-file': join(own, 'pid'),
    port,
    'bind-address': '127.0.0.1',
    'character-set-server': 'utf8mb4',
    'innodb-buffer-pool-size': '256M',
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  if (kind === 'mysql') flags.push(...flagsOfMysql);
  const member = start('database', [program, '--no-defaults', ...asRoot, '--skip-name-resolve', ...flags]);
  const url = `mysql://boxoffice:${password}@127.0.0.1:${port}/${schema}`;
  await ready('the database', () => acceptsLogins(url), startTimeoutMs, member);
  return url;
}

/** The program to use: the one that made the data, or else the one asked for, or else MariaDB before MySQL. */
function serverFor(own, data, wanted) {
  const found = findDatabaseServers();
  const maker = madeBy(data);
  if (maker !== undefined && wanted !== undefined && maker !== wanted) {
    throw new MissingEngine(
      `${own} was made by ${names[maker]}: leave out --database, or forget the data with --fresh.`,
    );
  }
  const kind = maker ?? wanted ?? (!found.mariadb && found.mysql ? 'mysql' : 'mariadb');
  const program = found[kind]?.path;
  if (program !== undefined) return { kind, program };
  throw new MissingEngine(
    maker === undefined
      ? 'The database is missing: install MariaDB 10.6 or MySQL 8.0.19 or later, or set DATABASE_URL to a running one.'
      : `${own} was made by ${names[maker]}, which is not in PATH: install it, or forget the data with --fresh.`,
  );
}

/** Which server's files these are; undefined when there are none. */
function madeBy(data) {
  if (!existsSync(join(data, 'mysql'))) return undefined;
  return existsSync(join(data, 'mysql.ibd')) ? 'mysql' : 'mariadb';
}

async function initialise(kind, program, data, asRoot) {
  // Renamed only when it is complete, so that the rest of an interrupted attempt is not taken for a database.
  const unfinished = `${data}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const options = { timeout: initialiseTimeoutMs };
  const flags = ['--no-defaults', `--datadir=${unfinished}`, ...asRoot];
  if (kind === 'mysql') {
    await run(program, [...flags, '--initialize-insecure'], options);
  } else {
    const installer = findProgram(['mariadb-install-db', 'mysql_install_db']);
    if (installer === undefined)
      throw new MissingEngine('mariadb-install-db is missing: install all of MariaDB.');
    await run(installer, [...flags, '--skip-test-db'], options);
  }
  renameSync(unfinished, data);
}

async function acceptsLogins(url) {
  const connection = await createConnection({ uri: url, connectTimeout: connectTimeoutMs });
  await connection.end();
}
