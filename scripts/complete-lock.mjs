#!/usr/bin/env node
// Run after every change of package-lock.json.
//
// npm leaves optional packages for other platforms out of the lock file when the registry it was made from
// does not serve them, and `npm ci` then stops with "Missing: … from lock file". This adds their entries.
//
// It also adds two settings for the SQLite drivers, which npm reads only from the lock file:
// - better-sqlite3 13 contains its binaries: `gypfile: false`, as its own package.json says. Without it, npm runs
//   node-gyp, which needs Python and make although there is nothing to compile.
// - better-sqlite3 12 is used on Node 20 only. Its package.json allows newer versions too; with this entry npm skips the
//   optional package on them, so that it is neither downloaded nor compiled.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));

const systems = new Map([
  ['linux', 'linux'],
  ['linuxmusl', 'linux'],
  ['darwin', 'darwin'],
  ['win32', 'win32'],
  ['windows', 'win32'],
  ['android', 'android'],
  ['freebsd', 'freebsd'],
  ['openbsd', 'openbsd'],
  ['netbsd', 'netbsd'],
  ['sunos', 'sunos'],
  ['aix', 'aix'],
  ['openharmony', 'openharmony'],
  ['wasm32', 'none'],
  ['wasm', 'none'],
]);
const processors = [
  'arm64',
  'x64',
  'arm',
  'ia32',
  'ppc64',
  's390x',
  'riscv64',
  'loong64',
  'mips64el',
  'wasm32',
];

let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === '') continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] || lock.packages[`${path}/node_modules/${name}`]) continue;
    const words = name.split('/').pop().split(/[-.]/);
    const os = words.map((word) => systems.get(word)).find(Boolean);
    const cpu = words.find((word) => processors.includes(word));
    lock.packages[key] = {
      version: version.replace(/^[\^~]/, ''),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...(os ? { os: [os] } : {}),
    };
    added++;
  }
}
lock.packages['node_modules/better-sqlite3'].gypfile = false;
lock.packages['node_modules/better-sqlite3-node20'].engines = { node: '20.x' };
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} optional packages of other platforms added`);
