import { join } from 'node:path';
import { dataFiles } from '../../src/app/engines.js';
import { Database } from '../../src/platform/sqlite.js';
import { Fan } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

describe('beside a running server', () => {
  let office: Office;
  let env: Record<string, string>;
  beforeAll(async () => {
    office = await Office.open();
    env = { ...testEnvironment, DATA_DIR: office.dataDir };
  });
  afterAll(() => office.close());

  /** Writes to the read models behind the server's back. */
  function tamper(sql: string): void {
    const file = new Database(join(office.dataDir, dataFiles.readModels));
    file.exec(sql);
    file.close();
  }

  it('names what was tampered with, changes nothing with --compare-only, and puts it right without', async () => {
    const fan = await new Fan(office).arrive();
    await fan.charge(500);
    // Reading waits for the charge to be in the tables: what it would overwrite proves nothing.
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
    tamper('UPDATE points SET remain_point = 999');
    const compared = await cli(['rebuild', 'wallets', '--compare-only'], env);
    expect(compared.code).toBe(1);
    expect(compared.stdout).toContain('remain_point: 999 should be 500, by PointsCharged at position');
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(999);
    const rebuilt = await cli(['rebuild', '--all', '--json'], env);
    expect([rebuilt.code, rebuilt.stderr]).toEqual([0, '']);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ differenceCount: 1 });
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
    // The server's projector writes the new tables from here on.
    await fan.charge(250);
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(750);
  });
});

it.each([
  [['rebuild'], 'name the projections to rebuild, or use --all'],
  [['rebuild', 'orders', 'nobody'], 'there is no projection nobody'],
])('refuses %j', async (args, reason) => {
  const { code, stdout, stderr } = await cli(args, await freshEnv());
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(reason);
});

it('refuses a folder without a log', async () => {
  const { code, stdout } = await cli(['rebuild', '--all'], await freshEnv());
  expect([code, stdout]).toEqual([2, '']);
});
