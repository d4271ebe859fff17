// Mutation testing of the deciders: Stryker changes src/domain a bit at a time, and some test has to notice.
// Run by `npm run mutation`; docs/testing.md says what it found.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['src/domain/**/*.ts'],
  // What the specs need; in particular no tsconfig.json, for which Stryker would load a TypeScript of its own.
  ignorePatterns: ['**', '!src/**/*.ts', '!test/domain/**/*.ts', '!package.json'],
  plugins: ['./scripts/mutation/in-process-runner.mjs'],
  // The specs that call the domain directly: what they miss, a test over HTTP would find by luck.
  testRunner: 'in-process',
  coverageAnalysis: 'perTest',
  // A busy machine must not pass for a mutant that never ends.
  timeoutMS: 10_000,
  // Two cores on the smallest machine we care about.
  concurrency: 2,
  incremental: true,
  incrementalFile: 'mutation/incremental.json',
  tempDirName: 'mutation/sandbox',
  reporters: ['progress', 'clear-text', 'html', 'json'],
  htmlReporter: { fileName: 'mutation/report.html' },
  jsonReporter: { fileName: 'mutation/report.json' },
  clearTextReporter: { reportTests: false, reportScoreTable: true, allowColor: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
