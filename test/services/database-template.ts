import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/stack/programs.mjs';
import type { ServerKind } from '../../src/projections/mysql/server.js';

const run = promisify(execFile);
const initialiseTimeoutMs = 120_000;

// A crash of the server loses nothing without fsync; one of the machine would, and no test survives that.
const noSync = '--innodb-flush-method=nosync';
/** Settings that decide how files of a new data folder look, and how much of them is written. */
export const storageSettings: Readonly<Record<ServerKind, readonly string[]>> = {
  mariadb: ['--no-defaults', '--innodb-log-file-size=16M', noSync],
  // Known from MySQL 8.0.30 on; older ones keep their default.
  mysql: ['--no-defaults', '--loose-innodb-redo-log-capacity=16M', noSync],
};

/**
 * A data folder as a new server has it. Making one takes seconds, so it is kept for later runs on this machine:
 * copy it, never use it.
 */
export async function dataTemplate(kind: ServerKind, server: string): Promise<string> {
  const { stdout: version } = await run(server, ['--no-defaults', '--version']);
  const key = createHash('sha256').update(`${version}\n${storageSettings[kind]}`).digest('hex').slice(0, 12);
  const kept = join(tmpdir(), `boxoffice-${kind}-template-${userInfo().uid}-${key}`);
  if (isOurs(kept)) return join(kept, 'data');
  const made = mkdtempSync(join(tmpdir(), `boxoffice-${kind}-template-`));
  try {
    await initialise(kind, server, join(made, 'data'));
    renameSync(made, kept);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another run was faster.
    if (!isOurs(kept)) throw error;
  }
  return join(kept, 'data');
}

/** The temporary folder is shared by all users: a template that another user put there is refused. */
function isOurs(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { uid, mode } = lstatSync(folder);
  if (uid === userInfo().uid && (mode & 0o077) === 0) return true;
  throw new Error(`${folder} belongs to another user: remove it`);
}

async function initialise(kind: ServerKind, server: string, dataFolder: string): Promise<void> {
  const options = { timeout: initialiseTimeoutMs };
  const settings = [...storageSettings[kind], `--datadir=${dataFolder}`, ...asRoot()];
  if (kind === 'mysql') {
    await run(server, [...settings, '--initialize-insecure'], options);
    return;
  }
  const installer = findProgram(['mariadb-install-db', 'mysql_install_db']);
  if (installer === undefined) throw new Error(`${server} lacks its mariadb-install-db: install it as well`);
  await run(installer, [...settings, '--skip-test-db'], options);
}

/** The server refuses to run as root without this option. */
export function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}
