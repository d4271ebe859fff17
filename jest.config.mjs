// Jest 30 on Node 20 cannot require() ES modules, so tests run as CommonJS and SWC
// down-levels every ESM-only package in node_modules too (cached after the first run).
import { readdirSync, readFileSync } from 'node:fs';

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
  // Suites that start database servers say so in their name; the others need only Node.
  testPathIgnorePatterns: ['/node_modules/', '\\.servers\\.spec\\.ts$'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.(ts|js|mjs)$': ['@swc/jest', { ...swc, swcrc: false, module: { type: 'commonjs' } }],
  },
  transformIgnorePatterns: [
    `/node_modules/(?!.*/node_modules/)(?!(${packageNames.filter(isEsm).join('|')})/)`,
  ],
  globalSetup: '<rootDir>/test/services/name-run.mjs',
};

/** @type {import('jest').Config} */
export default {
  projects: [
    // What `npm test` runs: only Node is needed.
    { ...project, displayName: 'boxoffice' },
    // What starts Redis, MariaDB and an office of four processes on them.
    {
      ...project,
      displayName: 'servers',
      globals: { officeEngines: 'servers' },
      testMatch: ['**/*.servers.spec.ts', '<rootDir>/test/e2e/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/'],
    },
    // The suites of the read models once more, on a MariaDB of this run.
    {
      ...project,
      displayName: 'mariadb',
      roots: ['<rootDir>/test/projections', '<rootDir>/test/queries'],
      globals: { readModelsOn: 'mariadb' },
    },
  ],
  // Two cores on the smallest machine we care about: more workers only slow each other down.
  maxWorkers: 2,
  // Far more than any test takes by itself: only a hang should fail one, however busy the machine.
  testTimeout: 120_000,
};
