import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { nodeProblem } from '../../src/platform/node-version.js';

const root = new URL('../../', import.meta.url);
const readJson = (file: string): unknown => JSON.parse(readFileSync(new URL(file, root), 'utf8'));

describe('the version of Node', () => {
  it.each(['20.19.0', '20.20.2', '22.14.0', '22.23.3', '24.11.0', '24.21.0', '25.0.0', '26.0.0', '30.1.0'])(
    '%s runs the program',
    (version) => {
      expect(nodeProblem(version)).toBeUndefined();
    },
  );

  it.each([
    ['18.20.8', 'Node 24 (LTS)'],
    ['20.18.3', 'Node 20.19 or a newer 20, or Node 24 (LTS)'],
    ['21.7.3', 'Node 24 (LTS)'],
    ['22.13.1', 'Node 22.14 or a newer 22, or Node 24 (LTS)'],
    ['23.11.1', 'Node 24 (LTS)'],
    ['24.10.0', 'Node 24.11 or a newer 24'],
  ])('%s does not, and the message says to install %s', (version, advice) => {
    expect(nodeProblem(version)).toBe(`boxoffice does not run on Node ${version}: install ${advice}`);
  });

  it('is declared in package.json as the program checks it', () => {
    const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(readJson('package.json'));
    const oldest = [...engines.node.matchAll(/\d+\.\d+\.\d+/g)].map(([version]) => version);
    expect(oldest).toEqual(['20.19.0', '22.14.0', '24.11.0']);
    for (const version of oldest) {
      const [major = 0, minor = 0] = version.split('.').map(Number);
      expect([version, nodeProblem(version)]).toEqual([version, undefined]);
      expect(nodeProblem(`${major}.${minor - 1}.9`)).toBeDefined();
    }
  });

  it.each(['bin/boxoffice.mjs', 'dist/main.js'])(
    '%s refuses an unsupported version with exit code 2',
    async (program) => {
      const run = runOn('22.13.1', fileURLToPath(new URL(program, root)));
      await expect(run).rejects.toMatchObject({
        code: 2,
        stdout: '',
        stderr:
          'boxoffice does not run on Node 22.13.1: install Node 22.14 or a newer 22, or Node 24 (LTS)\n',
      });
    },
  );
});

describe('the SQLite driver', () => {
  const { packages } = z
    .object({ packages: z.record(z.string(), z.looseObject({})) })
    .parse(readJson('package-lock.json'));

  // Settings that npm does not write into the lock file: see scripts/complete-lock.mjs.
  it('of Node 22 and newer is not compiled by npm', () => {
    expect(packages['node_modules/better-sqlite3']).toMatchObject({
      version: expect.stringMatching(/^13\./),
      gypfile: false,
    });
  });

  it('of Node 20 is installed on Node 20 only', () => {
    expect(packages['node_modules/better-sqlite3-node20']).toMatchObject({
      name: 'better-sqlite3',
      version: expect.stringMatching(/^12\./),
      optional: true,
      engines: { node: '20.x' },
    });
  });

  it.each([
    [
      '20.19.0',
      ' If no binary can be downloaded, it is compiled: install python3, make and g++ first, or use Node 24.',
    ],
    ['24.11.0', ''],
  ])('is named in the message when it is missing on Node %s', async (version, advice) => {
    const folder = await mkdtemp(join(tmpdir(), 'boxoffice-no-driver-'));
    try {
      // A build beside which nothing is installed.
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
      for (const file of ['sqlite.js', 'node-version.js']) {
        await copyFile(new URL(`dist/platform/${file}`, root), join(folder, file));
      }
      await expect(runOn(version, join(folder, 'sqlite.js'))).rejects.toMatchObject({
        stderr: expect.stringContaining(
          `NodeRefused: the SQLite driver of Node ${version} is not installed: run \`npm ci\` and \`npm run build\` with this Node.${advice}\n`,
        ),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Runs a program on this machine's Node, which reports another version. */
function runOn(version: string, program: string) {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  return promisify(execFile)(process.execPath, ['--import', preload, program], { cwd: fileURLToPath(root) });
}
