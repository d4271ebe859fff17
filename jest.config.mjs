// Jest 30 on Node 20 cannot require() ES modules, so tests run as CommonJS and SWC
// down-levels every ESM-only package in node_modules too (cached after the first run).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDatabaseServers } from './scripts/stack/programs.mjs';

const nodeModules = new URL('./node_modules/', import.meta.url);
const packageNames = readdirSync(nodeModules)
  .filter((name) => !name.startsWith('.'))
  .flatMap((name) =>
    name.startsWith('@') ? readdirSync(new URL(name, nodeModules)).map((sub) => `${name}/${sub}`) : [name],
  );
const isEsm = (name) => {
  try {
    return JSON.parse(readFileSync(new URL(`${name}/package.json`, nodeModules), 'utf8')).type === 'module';
  } catch {
    return false;
  }
};
const { $schema, ...swc } = JSON.parse(readFileSync(new URL('./.swcrc', import.meta.url), 'utf8'));

const project = {
  testEnvironment: 'node',
  // The EventStoreDB client's generated code keeps globals that Jest would warn about.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // Suites that start servers say so in their name; the others need only Node.
  testPathIgnorePatterns: ['/node_modules/', '\\.(servers|database)\\.spec\\.ts$'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.(ts|js|mjs)$': ['@swc/jest', { ...swc, swcrc: false, module: { type: 'commonjs' } }],
  },
  transformIgnorePatterns: [
    `/node_modules/(?!.*/node_modules/)(?!(${packageNames.filter(isEsm).join('|')})/)`,
  ],
  globalSetup: '<rootDir>/test/services/name-run.mjs',
};

// Suites that try more in `npm run test:full` than in `npm test`: they ask bySize (test/services/test-size.ts).
const test = fileURLToPath(new URL('./test/', import.meta.url));
const sizedSuites = readdirSync(test, { recursive: true })
  .filter((name) => name.endsWith('.spec.ts') && !/\.(servers|database)\.spec\.ts$/.test(name))
  .filter((name) => readFileSync(join(test, name), 'utf8').includes('bySize('))
  .map((name) => `<rootDir>/test/${name}`);

const installed = Object.keys(findDatabaseServers());
// Where there is none, the suites of MariaDB install it or say what is missing.
const databaseServers = installed.length > 0 ? installed : ['mariadb'];

/** @type {import('jest').Config} */
export default {
  projects: [
    // What `npm test` runs: only Node is needed.
    { ...project, displayName: 'boxoffice' },
    // The suites of it with a size, at full size.
    { ...project, displayName: 'full', globals: { testSize: 'full' }, testMatch: sizedSuites },
    // What starts Redis, a database server and an office of four processes on them.
    {
      ...project,
      displayName: 'servers',
      globals: { officeEngines: 'servers', testSize: 'full' },
      testMatch: ['**/*.servers.spec.ts', '<rootDir>/test/e2e/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/'],
    },
    // The suites of the read models once more on each database server that is installed, and what only they need.
    ...databaseServers.map((readModelsOn) => ({
      ...project,
      displayName: readModelsOn,
      globals: { readModelsOn, testSize: 'full' },
      testMatch: ['**/*.database.spec.ts', '<rootDir>/test/{projections,queries}/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/'],
    })),
  ],
  // Two cores on the smallest machine we care about: more workers only slow each other down.
  maxWorkers: 2,
  // Far more than any test takes by itself: only a hang should fail one, however busy the machine.
  testTimeout: 300_000,
};
