// OWASP API8:2023 Security Misconfiguration; ASVS 5.0 V3.4 (browser security headers), V14.2.2 and V14.3.2 (no-store).
import { connect } from 'node:net';
import { pagePolicy } from '../../src/api/security-headers.js';
import { BadConfiguration, readConfig } from '../../src/platform/config.js';
import { type ApiUnderTest, startApi, userId } from '../api/api-under-test.js';

const fansPage = 'https://tickets.example';
const otherPage = 'https://tickets.example.evil.example';

const user = async () => ({
  userId,
  loginId: 'fan',
  username: 'Fan',
  name: 'Fan',
  createdAt: '2026-11-22T09:00:00.000Z',
  updatedAt: '2026-11-22T09:00:00.000Z',
});

/** What a browser needs to be told with data. */
const ofData = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};
const kept = { ...ofData, 'cache-control': 'no-store' };

describe('what a browser or a cache between may do with a reply (API8:2023)', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    // Instants are branded strings.
    api = await startApi({ reads: { user: user as never } });
  });
  afterAll(() => api.app.close());

  it.each([
    ['a fan’s own data', 'GET', '/v1/me', 200],
    ['a command', 'POST', '/v1/wallet/charges', 400],
    ['an unknown address', 'GET', '/v1/nothing', 404],
    ['a wrong method', 'PUT', '/v1/me', 405],
    ['an address that cannot be read', 'GET', '/v1/venues/%E0%A4%A', 400],
    ['an operators’ endpoint', 'GET', '/v1/admin/audit', 401],
    ['a health check', 'GET', '/health/live', 200],
    ['the document of the API', 'GET', '/docs/json', 200],
  ] as const)(
    '%s is kept by no cache, sniffed, framed or run by no browser',
    async (_what, method, url, status) => {
      const isOwn = url === '/v1/me' && method === 'GET';
      const headers = isOwn || url.includes('wallet') ? { ...api.fanHeaders() } : {};
      const reply = await api.app.inject({ method, url, headers });
      expect({ status: reply.statusCode, ...reply.headers }).toMatchObject({
        status,
        ...kept,
        ...(url.startsWith('/docs') ? { 'content-security-policy': pagePolicy } : {}),
      });
    },
  );

  it('a log-in is kept by no cache, refused or not', async () => {
    const session = {
      userId,
      access: { value: 'access', expiresAt: '2026-11-22T09:15:00.000Z' },
      refresh: { value: 'refresh', expiresAt: '2026-12-06T09:00:00.000Z' },
    };
    api.commands.handler = () => session;
    const payload = { loginId: 'fan-1', password: 'correct horse battery' };
    const login = await api.app.inject({ method: 'POST', url: '/v1/auth/login', payload });
    expect({ status: login.statusCode, ...login.headers }).toMatchObject({ status: 200, ...kept });
    const refused = await api.app.inject({ method: 'POST', url: '/v1/auth/login', payload: {} });
    expect({ status: refused.statusCode, ...refused.headers }).toMatchObject({ status: 400, ...kept });
  });

  it('what is the same for everybody may be kept, and has the other headers', async () => {
    const reply = await api.app.inject({ url: '/v1/venues/66666666-6666-4666-8666-666666666666' });
    expect(reply.headers).toMatchObject(kept); // not found: not kept
    const shared = await startApi({
      reads: {
        venue: (async () => ({ venueId: userId, name: 'Hall', capacity: null, plan: null })) as never,
      },
    });
    try {
      const found = await shared.app.inject({ url: '/v1/venues/66666666-6666-4666-8666-666666666666' });
      expect({ status: found.statusCode, ...found.headers }).toMatchObject({
        status: 200,
        ...ofData,
        'cache-control': 'public, max-age=0, s-maxage=1',
      });
    } finally {
      await shared.app.close();
    }
  });

  it('a request that is not HTTP is answered with the same headers', async () => {
    await api.app.listen(0, '127.0.0.1');
    const { port } = new URL(await api.app.getUrl());
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('close', () => resolve(text)).on('error', reject);
    });
    expect(answer).toContain('HTTP/1.1 400');
    for (const [name, value] of Object.entries(kept))
      expect(answer.toLowerCase()).toContain(`${name}: ${value}`.toLowerCase());
  });

  it('a request that is turned away under load is answered with the same headers', async () => {
    const full = await startApi({ settings: { load: { maxInFlight: 0, maxWaitMs: 0 } } });
    try {
      const reply = await full.app.inject({ url: '/v1/performances' });
      expect({ status: reply.statusCode, ...reply.headers }).toMatchObject({ status: 503, ...kept });
    } finally {
      await full.app.close();
    }
  });
});

describe('the pages of the office (API8:2023, ASVS V3.4.3)', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.app.close());

  it.each(['/docs', '/docs/problems', '/docs/swagger-ui-init.js', '/docs/swagger-ui-bundle.js'])(
    '%s runs scripts of this server only and is framed by nobody',
    async (url) => {
      const reply = await api.app.inject({ url });
      expect({ status: reply.statusCode, ...reply.headers }).toMatchObject({
        status: 200,
        'content-security-policy': pagePolicy,
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
      expect(pagePolicy).toContain("script-src 'self'");
      expect(pagePolicy).toContain("frame-ancestors 'none'");
    },
  );

  it.each(['/docs', '/docs/problems'])(
    '%s needs no script in its markup, which the policy forbids',
    async (url) => {
      const { body } = await api.app.inject({ url });
      expect(body).toContain('<html');
      const inline = [...body.matchAll(/<script\b([^>]*)>/g)].filter(
        ([, attributes]) => !attributes?.includes('src='),
      );
      expect(inline).toEqual([]);
      expect(body).not.toMatch(/\son\w+=/);
    },
  );
});

describe('pages of other origins (API8:2023, ASVS V3.4.2)', () => {
  const preflight = (api: ApiUnderTest, origin: string) =>
    api.app.inject({
      method: 'OPTIONS',
      url: '/v1/orders',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,idempotency-key,x-queue-token',
      },
    });

  it('are not told that they may read anything, by default', async () => {
    const api = await startApi();
    try {
      expect((await preflight(api, fansPage)).headers['access-control-allow-origin']).toBeUndefined();
      const read = await api.app.inject({ url: '/health/live', headers: { origin: fansPage } });
      expect(read.headers['access-control-allow-origin']).toBeUndefined();
    } finally {
      await api.app.close();
    }
  });

  it('may call the API when the operator names them, and no others may', async () => {
    const api = await startApi({ settings: { corsOrigins: [fansPage] } });
    try {
      const asked = await preflight(api, fansPage);
      expect({ status: asked.statusCode, ...asked.headers }).toMatchObject({
        status: 204,
        'access-control-allow-origin': fansPage,
        'access-control-allow-headers': expect.stringContaining('X-Queue-Token'),
      });
      const read = await api.app.inject({ url: '/health/live', headers: { origin: fansPage } });
      expect(read.headers).toMatchObject({
        'access-control-allow-origin': fansPage,
        'access-control-expose-headers': expect.stringContaining('Retry-After'),
        vary: expect.stringContaining('Origin'),
      });
      expect(read.headers['access-control-allow-credentials']).toBeUndefined();
      for (const origin of [otherPage, 'null', 'http://tickets.example']) {
        const refused = await preflight(api, origin);
        expect([origin, refused.headers['access-control-allow-origin']]).toEqual([origin, undefined]);
      }
    } finally {
      await api.app.close();
    }
  });

  it.each(['*', 'null', 'tickets.example', 'https://tickets.example/', 'https://a.example,*'])(
    'cannot be named as %s',
    (origins) => {
      expect(() => readConfig({ CORS_ORIGINS: origins })).toThrow(BadConfiguration);
      expect(() => readConfig({ CORS_ORIGINS: origins })).toThrow('CORS_ORIGINS');
    },
  );

  it('are those in the list', () => {
    const { CORS_ORIGINS } = readConfig({ CORS_ORIGINS: 'https://a.example,http://127.0.0.1:5173' });
    expect(CORS_ORIGINS).toEqual(['https://a.example', 'http://127.0.0.1:5173']);
    expect(readConfig({}).CORS_ORIGINS).toEqual([]);
  });
});
