import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { ready, startTimeoutMs } from './members.mjs';
import { freePort } from './ports.mjs';
import { findProgram, MissingEngine } from './programs.mjs';

const run = promisify(execFile);
const initialiseTimeoutMs = 120_000;
const connectTimeoutMs = 5_000;

/**
 * Read models: the server of DATABASE_URL, or a MariaDB or MySQL of PATH with its files in the stack's folder.
 * @param logName tells one log from another: each has tables of its own.
 * @param secret the database's password is derived from it.
 * @returns its URL.
 * @throws {MissingEngine} when there is none.
 */
export async function startDatabase({ folder, env, logName, secret, start }) {
  if (env.DATABASE_URL) return env.DATABASE_URL;
  const program = findProgram(['mariadbd', 'mysqld']);
  if (program === undefined) {
    throw new MissingEngine(
      'MariaDB is missing: install MariaDB 10.6 or MySQL 8.0.19 or later, or set DATABASE_URL to a running one.',
    );
  }
  const own = join(folder, 'database');
  const data = join(own, 'data');
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  if (!existsSync(join(data, 'mysql'))) await initialise(program, data, asRoot);
  const password = createHmac('sha256', secret).update('database of the local stack').digest('hex');
  const database = `boxoffice_${createHash('sha256').update(logName).digest('hex').slice(0, 8)}`;
  const account = "'boxoffice'@'127.0.0.1'";
  const statements = [
    `CREATE DATABASE IF NOT EXISTS ${database} CHARACTER SET utf8mb4`,
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}'`,
    `ALTER USER ${account} IDENTIFIED BY '${password}'`,
    `GRANT ALL ON ${database}.* TO ${account}`,
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
  const member = start('database', [program, '--no-defaults', ...asRoot, '--skip-name-resolve', ...flags]);
  const url = `mysql://boxoffice:${password}@127.0.0.1:${port}/${database}`;
  await ready('the database', () => acceptsLogins(url), startTimeoutMs, member);
  return url;
}

async function initialise(program, data, asRoot) {
  // What an interrupted attempt left is no database.
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const options = { timeout: initialiseTimeoutMs };
  const { stdout: version } = await run(program, ['--version'], options);
  const flags = ['--no-defaults', `--datadir=${data}`, ...asRoot];
  if (!version.includes('MariaDB')) {
    await run(program, [...flags, '--initialize-insecure'], options);
    return;
  }
  const installer = findProgram(['mariadb-install-db', 'mysql_install_db']);
  if (installer === undefined)
    throw new MissingEngine('mariadb-install-db is missing: install all of MariaDB.');
  await run(installer, [...flags, '--skip-test-db'], options);
}

async function acceptsLogins(url) {
  const connection = await createConnection({ uri: url, connectTimeout: connectTimeoutMs });
  await connection.end();
}
