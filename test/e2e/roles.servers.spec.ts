import { readConfig } from '../../src/platform/config.js';
import { cli } from '../cli/captured-terminal.js';
import { waitUntil } from '../services/wait-until.js';
import { ClusterOffice } from './cluster-office.js';
import { call } from './fan.js';
import { openTimeoutMs } from './modes.js';
import { importDocument, smallHallDocument } from './small-hall.js';
import { testEnvironment } from './test-environment.js';

describe('the processes of an office on several machines', () => {
  let office: ClusterOffice;
  beforeAll(async () => {
    office = await ClusterOffice.open();
  }, openTimeoutMs);
  afterAll(() => office.close());

  it('are ready, whatever their role, and only an api process serves fans', async () => {
    for (const role of ['api', 'projector', 'worker'] as const) {
      const url = office.urlOf(role);
      const ready = await call(url, 'GET', '/health/ready');
      expect({ role, status: ready.status, body: ready.body }).toMatchObject({
        status: 200,
        body: { ready: true },
      });
      const listed = await call(url, 'GET', '/v1/performances');
      expect({ role, status: listed.status }).toEqual({ role, status: role === 'api' ? 200 : 404 });
    }
  });

  it('show a change made through one api process in the other, for who names its position', async () => {
    const { position } = await importDocument(office, smallHallDocument({ rows: 1, seatsPerRow: 2 }));
    for (let api = 0; api < 2; api++) {
      const headers = { 'x-wait-for-position': String(position) };
      const listed = await call(office.url, 'GET', '/v1/performances', { headers });
      expect(listed.body.items).toHaveLength(1);
    }
  });

  it('show the queue of deadlines to operators only', async () => {
    const dashboard = (authorization?: string) =>
      fetch(new URL('/admin/queues', office.urlOf('api')), {
        headers: authorization ? { authorization } : {},
      });
    const refused = await dashboard();
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Basic');
    const basic = (password: string) => `Basic ${Buffer.from(`operator:${password}`).toString('base64')}`;
    expect((await dashboard(basic('a guess'))).status).toBe(401);
    const shown = await dashboard(basic(testEnvironment.ADMIN_KEY));
    expect(shown.status).toBe(200);
    expect(await shown.text()).toContain('<html');
    const headers = { authorization: `Bearer ${testEnvironment.ADMIN_KEY}` };
    const issue = async (role: string) => {
      const body = { operator: role, role };
      return (await call(office.url, 'POST', '/v1/admin/operators', { headers, body })).body;
    };
    const [auditor, boxOffice] = [await issue('auditor'), await issue('box-office')];
    // Another api process may have issued them: it is known here after a second.
    await waitUntil(
      'the auditor is let in',
      async () => (await dashboard(basic(auditor.key))).status === 200,
    );
    expect((await dashboard(`Bearer ${auditor.key}`)).status).toBe(200);
    expect((await dashboard(basic(boxOffice.key))).status).toBe(401);
    const revoke = `/v1/admin/operators/${auditor.keyId}/revoke`;
    await call(office.url, 'POST', revoke, { headers, body: { reason: 'the audit is over' } });
    await waitUntil(
      'the auditor is refused',
      async () => (await dashboard(basic(auditor.key))).status === 401,
    );
    // A page of its own: framed by nobody, with scripts of this server only.
    const policy = shown.headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it('accept within moments an owner’s key that was written to the log beside them, and no longer the environment’s', async () => {
    const issued = await cli(
      ['operators', 'issue', 'jun', '--role', 'owner', '--directly'],
      office.environment,
    );
    expect(issued).toMatchObject({ code: 0 });
    const statusOf = async (key: string) => {
      const headers = { authorization: `Bearer ${key}` };
      return (await call(office.url, 'GET', '/v1/admin/operators/me', { headers })).status;
    };
    const key = issued.stdout.trim();
    await waitUntil('the new owner is let in', async () => (await statusOf(key)) === 200);
    await waitUntil(
      'the environment is out',
      async () => (await statusOf(testEnvironment.ADMIN_KEY)) === 401,
    );
  });
});

describe('a role that shares the work', () => {
  it('is refused without what processes must share, each variable named', () => {
    expect(() => readConfig({ ROLE: 'api' })).toThrow(
      /EVENTSTORE_URL.*DATABASE_URL.*REDIS_URL.*PAYMENT_URL.*SECRET/s,
    );
  });
});
