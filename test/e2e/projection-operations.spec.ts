import { eventually } from '../services/wait-until.js';
import { call, Fan } from './fan.js';
import { openTimeoutMs, type ProcessOffice, processModes } from './modes.js';

describe.each(processModes)('projections of an office $mode', ({ open }) => {
  let office: ProcessOffice;
  beforeAll(async () => {
    office = await open();
  }, openTimeoutMs);
  afterAll(() => office?.close());

  const headersOf = () => ({ authorization: `Bearer ${office.config.ADMIN_KEY}` });
  const ops = (method: string, path: string) =>
    call(office.url, method, `/v1/ops/projections${path}`, { headers: headersOf() });

  async function stateOf(name: string): Promise<string> {
    const { projections } = (await ops('GET', '')).body;
    return projections.find((one: { name: string }) => one.name === name).state;
  }

  async function metric(name: string): Promise<number> {
    const { body } = await call(office.projectorUrl, 'GET', '/metrics', { headers: headersOf() });
    const line = String(body)
      .split('\n')
      .find((one) => one.startsWith(name));
    return Number(line?.split(' ').at(-1));
  }

  it('are nobody’s but operators’', async () => {
    expect((await call(office.url, 'GET', '/v1/ops/projections')).status).toBe(401);
    expect((await call(office.url, 'POST', '/v1/ops/projections/pause')).status).toBe(401);
    expect((await call(office.url, 'GET', '/metrics')).status).toBe(401);
  });

  it('are paused for whoever asks, over a restart, without keeping readers waiting', async () => {
    await new Fan(office).arrive();
    expect((await ops('POST', '/users/pause')).status).toBe(200);
    await new Fan(office).arrive();
    expect(await stateOf('users')).toBe('paused');
    expect(await metric('boxoffice_projection_paused{projection="users"}')).toBe(1);
    await office.restart();
    expect(await stateOf('users')).toBe('paused');
    const ready = await call(office.url, 'GET', '/health/ready');
    expect(ready.status).toBe(503);
    expect(JSON.stringify(ready.body.checks)).toContain('users paused');
    const late = await new Fan(office).arrive();
    // The time limit is far longer than a test may take: the answer comes at once.
    expect(await late.call('GET', '/v1/me')).toMatchObject({
      status: 503,
      body: { code: 'read-model-behind' },
    });
    const report = (await ops('GET', '')).body;
    const users = report.projections.find((one: { name: string }) => one.name === 'users');
    expect(users.lagPositions).toBeGreaterThan(0);
    expect(users.lagSeconds).toBeGreaterThan(0);
    expect((await ops('POST', '/resume')).status).toBe(200);
    await eventually(async () => (await late.call('GET', '/v1/me')).status === 200);
    expect((await call(office.url, 'GET', '/health/ready')).status).toBe(200);
    expect(await metric('boxoffice_projection_events_applied_total{projection="users"}')).toBeGreaterThan(0);
  });
});
