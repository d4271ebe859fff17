import { spawnSync } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where servers are installed besides PATH. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** A server is missing on this machine; the message says what to do about it. */
export class MissingEngine extends Error {}

/** The path of the first of these programs that is installed, or undefined. */
export function findProgram(names) {
  return installed(names)[0];
}

/**
 * The database servers that are installed, by what they are. `mysqld` may be either of the two: MariaDB keeps the
 * old name as a link, so each program is asked.
 * @returns `mariadb` and `mysql`, each with `path` and `version`; missing ones are left out.
 */
export function findDatabaseServers() {
  const found = {};
  for (const path of new Set(installed(['mariadbd', 'mysqld']).map((one) => realpathSync(one)))) {
    const { stdout } = spawnSync(path, ['--no-defaults', '--version'], { encoding: 'utf8', timeout: 30_000 });
    const version = /\bVer (\S+)/.exec(stdout ?? '')?.[1];
    if (version !== undefined) found[version.includes('MariaDB') ? 'mariadb' : 'mysql'] ??= { path, version };
  }
  return found;
}

function installed(names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).filter(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
