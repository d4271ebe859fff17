import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamClient } from '../api/stream-client.js';
import { eventually } from '../services/wait-until.js';
import { call, Fan } from './fan.js';
import { openTimeoutMs, type ProcessOffice, processModes } from './modes.js';
import { tamperWithReadModels } from './storage.js';

const rebuilds = '/v1/ops/projections/rebuilds';

describe.each(processModes)('a rebuild in an office $mode', ({ open }) => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-gate-'));
  /** While this file exists, rebuilds wait. */
  const gate = join(folder, 'closed');
  let office: ProcessOffice;
  beforeAll(async () => {
    office = await open({ READS_WAIT_WHILE: gate });
  }, openTimeoutMs);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await office?.close();
  });

  const headersOf = () => ({ authorization: `Bearer ${office.config.ADMIN_KEY}` });
  const ops = (method: string, path: string, body?: unknown) =>
    call(office.url, method, `${rebuilds}${path}`, { headers: headersOf(), body });

  it('heals the tables, in sight of whoever follows it', async () => {
    const fan = await new Fan(office).arrive();
    await fan.charge(500);
    // Reading waits for the charge to be in the tables: what it would overwrite proves nothing.
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
    await tamperWithReadModels(office.config, 'UPDATE points SET remain_point = 999');
    const { status, body } = await ops('POST', '', {});
    expect(status).toBe(202);
    const watcher = await StreamClient.open(`${office.url}${rebuilds}/${body.rebuildId}/events`, headersOf());
    await eventually(() => watcher.ended);
    expect(watcher.messages('rebuild').at(-1)).toMatchObject({
      status: 'completed',
      report: {
        differenceCount: 1,
        differences: [{ table: 'points', cells: [{ expected: 500, found: 999 }] }],
      },
    });
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
    // The process that projects writes the new tables from here on.
    await fan.charge(250);
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(750);
  });

  it('changes nothing when it is cancelled, and the next one takes its place', async () => {
    await ops('POST', '', {});
    await eventually(async () => (await ops('GET', '/current')).body.status === 'completed');
    writeFileSync(gate, '');
    const { rebuildId } = (await ops('POST', '', {})).body;
    await eventually(async () => (await ops('GET', `/${rebuildId}`)).body.status === 'running');
    expect((await ops('POST', '', {})).body).toMatchObject({ code: 'rebuild-running', rebuildId });
    expect((await ops('POST', '/current/cancel')).body.status).toBe('cancelling');
    rmSync(gate);
    const watcher = await StreamClient.open(`${office.url}${rebuilds}/${rebuildId}/events`, headersOf());
    await eventually(() => watcher.ended);
    expect(watcher.messages('rebuild').at(-1)).toMatchObject({ status: 'cancelled', report: null });
    const next = (await ops('POST', '', {})).body.rebuildId;
    await eventually(async () => (await ops('GET', `/${next}`)).body.status === 'completed');
    expect((await call(office.url, 'GET', '/health/ready')).status).toBe(200);
  });
});
