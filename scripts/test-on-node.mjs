#!/usr/bin/env node
// Runs the suites that depend on the version of Node on other versions than this machine's. See docs/testing.md.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const usage = `node scripts/test-on-node.mjs <version>... [options]

For each version of Node (24, 22.14.0, …), taken from the npm package \`node\` into a temporary folder:

1. \`npm ci\` in a folder of its own, with no Python, make or C++ compiler on PATH, and a first SQLite database there
2. the suites of the embedded event stores, read models, queries, API, platform and bookings, on node_modules and dist of this
   folder: run \`npm ci\` and \`npm run build\` first

  --skip-install   leave out step 1
  --help           this text

Exit codes: 0 all passed, 1 something failed, 2 wrong options.
`;
const exitCodes = { ok: 0, failed: 1, unusable: 2 };
const root = fileURLToPath(new URL('..', import.meta.url));
const suites =
  'test/(platform|projections|queries|api)/|test/event-store/(sqlite|in-memory)|test/e2e/booking';
/** The only programs on PATH for npm and the scripts of packages, so that compiling is impossible. */
const programsWithoutCompiler = ['sh', 'env'];

class StepFailed extends Error {}

process.exitCode = await main();

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    return exitCodes.unusable;
  }
  if (options.help) {
    console.log(usage);
    return exitCodes.ok;
  }
  const failures = [];
  for (const version of options.versions) {
    const folder = mkdtempSync(join(tmpdir(), 'boxoffice-node-'));
    try {
      await testOn(version, folder, options);
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      failures.push(`Node ${version}: ${error.message}`);
      console.error(failures.at(-1));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  // Once more at the end, below the output of the other versions.
  if (failures.length > 0) console.error(`\n${failures.join('\n')}`);
  return failures.length > 0 ? exitCodes.failed : exitCodes.ok;
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'skip-install': { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (!values.help && positionals.length === 0) throw new Error('which version of Node?');
  for (const version of positionals) {
    if (!/^\d+(\.\d+){0,2}$/.test(version)) throw new Error(`not a version of Node: ${version}`);
  }
  return { versions: positionals, help: values.help, skipInstall: values['skip-install'] };
}

async function testOn(version, folder, { skipInstall }) {
  const node = await timed(`fetch Node ${version}`, () => fetchNode(version, join(folder, 'node')));
  if (!skipInstall) {
    await timed(`npm ci on Node ${version} without a compiler`, () =>
      installWithoutCompiler(node, join(folder, 'install')),
    );
  }
  await timed(`tests on Node ${version}`, () =>
    run(
      node.program,
      ['node_modules/jest/bin/jest.js', '--selectProjects', 'boxoffice', '--testPathPatterns', suites],
      { cwd: root, path: `${node.folder}${delimiter}${process.env.PATH}` },
    ),
  );
}

async function fetchNode(version, folder) {
  mkdirSync(folder);
  // The package's script puts the binary of this platform in its place.
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }');
  // npm hands `ignore-scripts` of this project's .npmrc down to what it runs.
  const options = ['--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...options, `node@${version}`], { cwd: folder });
  const programs = join(folder, 'node_modules', 'node', 'bin');
  return { folder: programs, program: join(programs, 'node') };
}

async function installWithoutCompiler(node, folder) {
  const programs = join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  symlinkSync(node.program, join(programs, 'node'));
  for (const name of programsWithoutCompiler) symlinkSync(whereIs(name), join(programs, name));
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    copyFileSync(join(root, file), join(folder, file));
  const options = { cwd: folder, path: programs };
  const npm = realpathSync(whereIs('npm'));
  await run(node.program, [npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], options);
  const useSqlite = `new (require('better-sqlite3'))(':memory:').prepare('SELECT 1').get()`;
  await run(node.program, ['-e', useSqlite], options);
}

function whereIs(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      return realpathSync(join(folder, program));
    } catch {}
  }
  throw new StepFailed(`${program} is not on PATH`);
}

/** @throws {StepFailed} when it does not end with exit code 0. */
async function run(program, args, { cwd, path = process.env.PATH }) {
  const child = spawn(program, args, { cwd, stdio: 'inherit', env: { ...process.env, PATH: path } });
  const ended = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? signal));
  });
  if (ended !== 0) throw new StepFailed(`\`${program} ${args.join(' ')}\` ended with ${ended}`);
}

async function timed(name, work) {
  console.log(`\n-- ${name}`);
  const start = performance.now();
  const result = await work();
  console.log(`-- ${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}
