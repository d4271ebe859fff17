import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dataFiles } from '../../src/app/engines.js';
import { Reader } from '../../src/event-store/eventstoredb/reader.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

describe('the program', () => {
  it('tells its version and every command’s help with exit code 0', async () => {
    expect(await cli(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    const { code, stdout } = await cli(['--help']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: boxoffice \[options\] \[command\]\n/)]);
    const names = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name]) => name ?? '');
    expect(names).toEqual(expect.arrayContaining(['start', 'import', 'audit', 'demo', 'simulate']));
    for (const words of [...names.map((name) => [name]), ['audit', 'verify']]) {
      const help = await cli([...words, '--help']);
      // Not only what the list says: its own description follows the usage.
      const whole = new RegExp(`^Usage: boxoffice ${words.join(' ')} .*\n\n(?!Options)[A-Z]`);
      expect([words, help.code, help.stdout]).toEqual([words, 0, expect.stringMatching(whole)]);
    }
  });

  it('loads no engine to say what there is', async () => {
    const program = new URL('../../dist/cli/main.js', import.meta.url).href;
    const script = `
      const { runCli } = await import('${program}');
      await runCli(['import', '--help']);
      const { createRequire } = await import('node:module');
      console.log(Object.keys(createRequire('${program}').cache).join('\\n'));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toContain('/node_modules/commander/');
    expect(stdout).not.toMatch(/\/node_modules\/(typeorm|mysql2|better-sqlite3|@eventstore|bullmq)\//);
  });

  it('refuses wrong words with exit code 2, on standard error', async () => {
    for (const args of [
      ['sell'],
      ['audit', 'verify', '--colour'],
      ['import'],
      ['import', 'a.json', '--format', 'csv'],
      ['audit', 'verify', '--as-of', 'yesterday'],
      ['demo', '--fans', 'many'],
      ['demo', '--fans', '0'],
      ['demo', '--seed', '-1'],
      ['demo', '--server', 'localhost'],
      ['payment-system', '--port', '99999'],
      ['import', 'a.json', '--price', 'R'],
      ['import', 'a.json', '--shift-days', 'soon'],
      ['import', 'a.json', '--sales', 'maxActive=0'],
      ['import', 'a.json', '--sales', 'discount=5'],
    ]) {
      const { code, stdout, stderr } = await cli(args);
      expect([args, code, stdout, stderr === '']).toEqual([args, 2, '', false]);
      expect(stderr).not.toMatch(/\n\s+at /); // a message, no stack
    }
  });

  it('refuses a wrong configuration with its message alone', async () => {
    for (const args of [['start'], ['audit', 'verify'], ['demo'], ['payment-system']]) {
      const { code, stderr } = await cli(args, { PORT: 'abc' });
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^the configuration is wrong:\n {2}PORT: .*\n$/),
      ]);
    }
  });

  it('says that there is nothing to audit, and that a feed can’t be read', async () => {
    const env = await freshEnv();
    const audit = await cli(['audit', 'verify', '--json'], env);
    expect(audit).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('event log') });
    const feed = await cli(['import', '/there/is/no/such.json', '--json'], env);
    expect(feed).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('cannot be read') });
  });

  it('says in one line, with exit code 1, that the log or the database is away', async () => {
    const env = await freshEnv();
    const nobody = `127.0.0.1:${env.PORT}`;
    const away = jest.spyOn(Reader.prototype, 'head').mockRejectedValue(new StoreUnavailable('no answer'));
    const onServer = await cli(['audit', 'verify'], { ...env, EVENTSTORE_URL: `esdb://${nobody}?tls=false` });
    away.mockRestore();
    expect(onServer).toEqual({ code: 1, stdout: '', stderr: 'no answer\n' });
    mkdirSync(env.DATA_DIR, { recursive: true });
    await (await openSqliteEventStore({ file: join(env.DATA_DIR, dataFiles.log) })).close();
    const inTables = await cli(['audit', 'verify'], { ...env, DATABASE_URL: `mysql://a:b@${nobody}/c` });
    expect(inTables).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^the database of DATABASE_URL cannot be used: .*connect ECONNREFUSED .*\n$/,
      ),
    });
  });

  it('finishes though nobody reads its output any more', async () => {
    const bin = new URL('../../bin/boxoffice.mjs', import.meta.url).pathname;
    const child = spawn(process.execPath, [bin, '--help']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    expect([await once(child, 'close'), stderr]).toEqual([[0, null], '']);
  });

  it('starts from bin/boxoffice.mjs', async () => {
    const bin = new URL('../../bin/boxoffice.mjs', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [bin, '--help']);
    expect(stdout).toContain('audit');
  });
});
