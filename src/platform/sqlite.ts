import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import { NodeRefused } from './node-version.js';

/**
 * The only SQLite driver of the program, for the log, the read models, the payment ledger and the keys. better-sqlite3
 * 13 has binaries for Node 22 and newer and crashes on Node 20. Version 12 works on Node 20, but compiled for Node 24
 * it aborts the process during garbage collection. Both have the same interface.
 */
export const Database = loadDriver();
export type Database = BetterSqlite3.Database;
export type DatabaseOptions = BetterSqlite3.Options;
export type Statement<Parameters extends unknown[], Row = unknown> = BetterSqlite3.Statement<Parameters, Row>;

function loadDriver(): typeof BetterSqlite3 {
  const isNode20 = process.versions.node.startsWith('20.');
  const driver = isNode20 ? 'better-sqlite3-node20' : 'better-sqlite3';
  // `require`, because a conditional `import` would need a top-level await.
  const load = createRequire(import.meta.url);
  try {
    const loaded = load(driver);
    // Version 12 looks for its binary only when a file is opened.
    if (isNode20) new loaded(':memory:').close();
    return loaded;
  } catch (error) {
    if (!isMissing(error)) throw error;
    const needs = isNode20
      ? ' If no binary can be downloaded, it is compiled: install python3, make and g++ first, or use Node 24.'
      : '';
    throw new NodeRefused(
      `the SQLite driver of Node ${process.versions.node} is not installed: run \`npm ci\` and \`npm run build\` with this Node.${needs}`,
      { cause: error },
    );
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isUnprepared = error.message.startsWith('Could not locate the bindings file');
  return isUnprepared || ('code' in error && error.code === 'MODULE_NOT_FOUND');
}
