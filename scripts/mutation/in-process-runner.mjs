// Stryker's test runner for specs of pure code: it loads the specs of test/domain once and calls the tests that reach
// a mutant, some milliseconds each. Jest would load everything anew for every mutant, a second each.
import { readdirSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { format } from 'node:util';
import { transformSync } from '@swc/core';
import { expect } from 'expect';

const { $schema, ...swc } = JSON.parse(readFileSync(new URL('../../.swcrc', import.meta.url), 'utf8'));

/** Lets require() read TypeScript, as Jest does: compiled by SWC, `./x.js` meaning x.ts. */
function requireTypeScript() {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (request, parent, ...rest) => {
    const isOurs = request.startsWith('.') && parent?.filename?.endsWith('.ts');
    return resolve.call(Module, isOurs ? request.replace(/\.js$/, '.ts') : request, parent, ...rest);
  };
  Module._extensions['.ts'] = (module, filename) => {
    const options = { ...swc, swcrc: false, filename, sourceMaps: false, module: { type: 'commonjs' } };
    module._compile(transformSync(readFileSync(filename, 'utf8'), options).code, filename);
  };
}

/** The spec that is being loaded: Stryker asks again about mutants when it changed. */
let currentFile;

/** The part of Jest's globals that the specs use; collects tests by their full names. */
function installGlobals(tests) {
  const path = [];
  const eachOf = (declare) => (rows) => (name, body) => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      const named = name.replace(/\$(\w+)/g, (_, key) => String(row[key]));
      const blanks = named.match(/%[sid]/g)?.length ?? 0;
      declare(format(named, ...values.slice(0, blanks)), () => body(...values));
    }
  };
  const describe = (name, body) => {
    path.push(name);
    body();
    path.pop();
  };
  const it = (name, body) => {
    const fullName = [...path, name].join(' ');
    if (tests.has(fullName)) throw new Error(`two tests have the name ${fullName}`);
    tests.set(fullName, { body, file: currentFile });
  };
  describe.each = eachOf(describe);
  it.each = eachOf(it);
  Object.assign(globalThis, { describe, it, expect });
}

// Where the code that Stryker instrumented looks for the mutant to be.
globalThis.__stryker__ ??= {};
const stryker = globalThis.__stryker__;

class InProcessRunner {
  #tests = new Map();
  /** Whether what is loaded was loaded while a mutant was active. */
  #isTainted = false;

  capabilities() {
    return { reloadEnvironment: true };
  }

  init() {
    requireTypeScript();
  }

  async dryRun() {
    stryker.mutantCoverage = { static: {}, perTest: {} };
    this.#load();
    const tests = [];
    for (const [id, { body, file: fileName }] of this.#tests) {
      stryker.currentTestId = id;
      const before = performance.now();
      const failureMessage = await this.#failureOf(body);
      const result = { id, name: id, fileName, timeSpentMs: performance.now() - before };
      tests.push(
        failureMessage === undefined ? { ...result, status: 0 } : { ...result, status: 1, failureMessage },
      );
    }
    stryker.currentTestId = undefined;
    return { status: 'complete', tests, mutantCoverage: stryker.mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, disableBail, hitLimit, mutantActivation, reloadEnvironment }) {
    const isStatic = mutantActivation === 'static';
    Object.assign(stryker, {
      hitCount: 0,
      hitLimit,
      activeMutant: isStatic ? activeMutant.id : undefined,
    });
    if (reloadEnvironment || isStatic || this.#isTainted || this.#tests.size === 0) {
      this.#isTainted = isStatic;
      try {
        this.#load();
      } catch (error) {
        return { status: 'error', errorMessage: String(error) };
      }
    }
    stryker.activeMutant = activeMutant.id;
    const ids = testFilter ?? [...this.#tests.keys()];
    const killedBy = [];
    let failureMessage;
    for (const id of ids) {
      const failure = await this.#failureOf(this.#tests.get(id)?.body);
      if (stryker.hitCount > hitLimit)
        return { status: 'timeout', reason: 'the place was reached too often' };
      if (failure === undefined) continue;
      killedBy.push(id);
      failureMessage ??= failure;
      if (!disableBail) break;
    }
    if (killedBy.length === 0) return { status: 'survived', nrOfTests: ids.length };
    return { status: 'killed', nrOfTests: ids.length, killedBy, failureMessage };
  }

  /** Why a test fails, or undefined. One that a mutant renamed is gone, which is noticed too. */
  async #failureOf(body) {
    if (!body) return 'there is no such test';
    try {
      await body();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #load() {
    const sandbox = process.cwd();
    const require = createRequire(join(sandbox, 'package.json'));
    for (const file of Object.keys(require.cache)) {
      if (file.endsWith('.ts')) delete require.cache[file];
    }
    this.#tests.clear();
    installGlobals(this.#tests);
    const folder = join(sandbox, 'test', 'domain');
    require(join(folder, 'fewer-runs.ts'));
    for (const name of readdirSync(folder, { recursive: true })) {
      if (!name.endsWith('.spec.ts')) continue;
      currentFile = folder + sep + name;
      require(currentFile);
    }
  }
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'in-process', factory: () => new InProcessRunner() },
];
