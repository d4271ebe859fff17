import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dataFiles } from '../../src/app/engines.js';
import { openRevealedLog } from '../../src/cli/open-log.js';
import { processTerminal } from '../../src/cli/terminal.js';
import type { Config } from '../../src/platform/config.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';
import { call, type Fan } from '../e2e/fan.js';
import { balanceOf, doBusiness, refusedStart } from '../e2e/mixed-up.js';
import { Office } from '../e2e/office.js';
import { tamperWithReadModels } from '../e2e/storage.js';
import { cli } from './captured-terminal.js';

describe('an office on embedded engines that starts with a log its tables were not made from', () => {
  let office: Office;
  let before: Fan;
  let after: Fan;
  const file = (name: keyof typeof dataFiles) => join(office.dataDir, dataFiles[name]);

  beforeEach(async () => {
    office = await Office.open();
    before = await doBusiness(office, 'before');
    await office.stop();
    copyFileSync(file('log'), `${file('log')}.backup`);
    await office.start();
    after = await doBusiness(office, 'after');
    await office.stop();
  });
  afterEach(async () => {
    await office.stop();
    await office.close();
  });

  const expectTablesOfLog = async (config: Config) => {
    const log = await openRevealedLog(config, processTerminal);
    try {
      const location = { file: join(config.DATA_DIR, dataFiles.readModels) };
      expect(await compareReadModels({ store: log.store, location })).toMatchObject({ clean: true });
    } finally {
      await log.close();
    }
  };

  it('an older backup: rebuilds the tables and goes on selling', async () => {
    copyFileSync(`${file('log')}.backup`, file('log'));
    await office.start();
    expect(await before.logIn().then(balanceOf)).toBe(500);
    const login = { loginId: after.loginId, password: 'correct horse' };
    expect((await call(office.url, 'POST', '/v1/auth/login', { body: login })).status).toBe(401);
    await doBusiness(office, 'later');
    await expectTablesOfLog(office.config);
  });

  it('another log of equal length: rebuilds the tables', async () => {
    const other = await Office.open();
    await doBusiness(other, 'before');
    const theirs = await doBusiness(other, 'after');
    await other.stop();
    for (const name of ['log', 'personalKeys'] as const)
      copyFileSync(join(other.dataDir, dataFiles[name]), file(name));
    await office.start();
    const login = { loginId: theirs.loginId, password: 'correct horse' };
    expect((await call(office.url, 'POST', '/v1/auth/login', { body: login })).status).toBe(200);
    await expectTablesOfLog(office.config);
    await other.close();
  });

  it('an empty log: does not open, imports nothing, and starts without data only after a rebuild', async () => {
    rmSync(file('log'));
    const env = { ...office.environment, SAMPLE_CATALOG: 'true' };
    const { code, says } = await refusedStart(env);
    expect(code).toBe(3);
    expect(says).toMatch(
      /^boxoffice cannot start: The log is empty, but read model \w+ was made from events up to position \d+, written .*: bring back .* run "boxoffice rebuild --all" .*\.\n$/,
    );
    expect((await cli(['audit', 'verify', '--skip-read-models', '--json'], env)).stdout).toContain(
      '"events": 0',
    );
    expect(await refusedStart(env)).toEqual({ code, says });
    expect((await cli(['rebuild', '--all'], env)).code).toBe(0);
    await office.start();
    expect((await call(office.url, 'GET', '/v1/performances')).body.items).toEqual([]);
    await doBusiness(office, 'anew');
    await expectTablesOfLog(office.config);
  });

  it('tables at an invalid position: rebuilds them', async () => {
    await tamperWithReadModels(
      office.config,
      'UPDATE projection_checkpoints SET position = 18446744073709552000, made_from = NULL; DELETE FROM points',
    );
    await office.start();
    expect(await after.logIn().then(balanceOf)).toBe(500);
    await expectTablesOfLog(office.config);
  });

  it('its own log and no tables: builds them', async () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file('readModels') + suffix, { force: true });
    await office.start();
    expect(await after.logIn().then(balanceOf)).toBe(500);
  });
});
