import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import { databasesAt, startDatabaseServer, type TestDatabases } from './database-server.js';
import { errorCode } from './error-code.js';
import { waitUntil } from './wait-until.js';

/** The Jest project says which server this run of a suite is for. */
const { readModelsOn } = globalThis as { readModelsOn?: ServerKind };
/** How long the first suite may take to start the server, which may have to be installed first, ms. */
export const sharedStartTimeoutMs = 420_000;

/**
 * One database server for all suites of this Jest run on the same kind of it, started by the first that asks; make a database of your own in it.
 * It ends with the Jest process that started it, and Jest keeps those until the run is over.
 * @throws when it cannot be started, and when this is no Jest run.
 */
export async function sharedDatabaseServer(): Promise<TestDatabases> {
  const run = process.env.BOXOFFICE_TEST_RUN;
  if (run === undefined) throw new Error('BOXOFFICE_TEST_RUN is set by test/services/name-run.mjs');
  const folder = join(tmpdir(), `boxoffice-run-${run}-${readModelsOn ?? 'any'}`);
  const note = join(folder, 'outcome.json');
  if (takes(folder)) {
    const outcome = await startDatabaseServer({ folder }).then(
      (server) => ({ url: server.url() }),
      (error: unknown) => ({ error: String(error) }),
    );
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${note}.new`, JSON.stringify(outcome), { mode: 0o600 });
    renameSync(`${note}.new`, note);
  }
  await waitUntil('the database server of this run is started', () => existsSync(note), {
    limitMs: sharedStartTimeoutMs,
  });
  const outcome: { url: string } | { error: string } = JSON.parse(readFileSync(note, 'utf8'));
  if ('error' in outcome) throw new Error(outcome.error);
  return databasesAt(outcome.url);
}

/** True for the one suite that comes first. */
function takes(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
