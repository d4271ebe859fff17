#!/usr/bin/env node
// Prepares the SQLite driver of Node 20, better-sqlite3 12: downloads a binary or compiles one, which takes a minute or two.
// `npm ci` does not, because .npmrc lets no package run a script. The driver of newer versions of Node contains its
// binaries. `npm run build` runs this; it does nothing when the driver is ready.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const driver = 'better-sqlite3-node20';

function isReady() {
  try {
    const Database = createRequire(import.meta.url)(driver);
    new Database(':memory:').close();
    return true;
  } catch {
    return false;
  }
}

if (process.versions.node.startsWith('20.') && !isReady()) {
  console.error('preparing the SQLite driver of Node 20 (once; compiling it takes a minute or two) …');
  const npm = process.env.npm_execpath;
  const args = ['rebuild', driver, '--ignore-scripts=false', '--loglevel=error'];
  const done = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (done.status !== 0 || !isReady()) {
    console.error(
      'The SQLite driver could not be prepared: install python3, make and g++ and run `npm run build` again, or use Node 24.',
    );
    process.exit(1);
  }
}
