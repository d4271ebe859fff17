import { connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import { refuse } from '../../src/domain/rejection.js';
import { StoreBusy, StoreUnavailable } from '../../src/event-store/port.js';
import { HasherBusy } from '../../src/platform/password-hasher.js';
import { type ApiUnderTest, adminKey, noRateLimits, scheduleId, startApi } from './api-under-test.js';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({
    settings: { rateLimits: noRateLimits },
  });
});
afterAll(() => api.app.close());

const login = {
  method: 'POST',
  url: '/v1/auth/login',
  payload: { loginId: 'fan', password: 'secret-pass' },
} as const;

async function problemOf(options: InjectOptions) {
  const reply = await api.app.inject(options);
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = reply.json();
  expect(problem).toMatchObject({
    type: `/docs/problems#${problem.code}`,
    title: expect.any(String),
    detail: expect.any(String),
    status: reply.statusCode,
    instance: String(options.url).split('?')[0],
    requestId: reply.headers['x-request-id'],
  });
  return { ...problem, headers: reply.headers };
}

describe('every error is a problem document', () => {
  const cases: readonly [string, InjectOptions, string, number][] = [
    ['an unknown address', { method: 'GET', url: '/v1/nothing?accessToken=x' }, 'not-found', 404],
    ['another method', { method: 'PUT', url: '/v1/orders' }, 'method-not-allowed', 405],
    [
      'malformed JSON',
      { ...login, payload: '{"loginId":', headers: { 'content-type': 'application/json' } },
      'malformed-json',
      400,
    ],
    [
      'bytes that are not UTF-8',
      { ...login, payload: Buffer.from([0x22, 0xff, 0x22]), headers: { 'content-type': 'application/json' } },
      'malformed-json',
      400,
    ],
    [
      'another content type',
      { ...login, payload: 'loginId=fan', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      'unsupported-media-type',
      415,
    ],
    [
      'text where JSON belongs',
      { ...login, payload: 'hello', headers: { 'content-type': 'text/plain' } },
      'unsupported-media-type',
      415,
    ],
    ['a body too large', { ...login, payload: { loginId: 'x'.repeat(70_000) } }, 'body-too-large', 413],
    ['a body of nothing', { method: 'POST', url: '/v1/auth/login' }, 'validation-failed', 400],
    ['an id that is none', { method: 'GET', url: '/v1/schedules/nine' }, 'validation-failed', 400],
    [
      'a broken escape in the URL',
      { method: 'GET', url: '/v1/schedules/%E0%A4%A' },
      'malformed-request',
      400,
    ],
    ['no access token', { method: 'GET', url: '/v1/me' }, 'unauthenticated', 401],
    ['an unknown schedule', { method: 'GET', url: `/v1/schedules/${scheduleId}` }, 'schedule-unknown', 404],
    ['no operators’ key', { method: 'GET', url: '/v1/admin/imports/formats' }, 'unauthenticated', 401],
  ];

  it.each(cases)('%s', async (_, options, code, status) => {
    expect(await problemOf(options)).toMatchObject({ code, status });
  });

  it('names the methods that are allowed', async () => {
    expect((await problemOf({ method: 'PUT', url: '/v1/orders?limit=1' })).headers.allow).toBe(
      'GET, HEAD, POST',
    );
  });

  it('names each refused field', async () => {
    const payload = { loginId: 7, extra: true };
    const { errors } = await problemOf({ ...login, payload });
    const fields = errors.map((error: { field: string }) => error.field);
    expect(fields.sort()).toEqual(['extra', 'loginId', 'password']);
  });

  it('names fields of the variant that was meant', async () => {
    const problem = await problemOf({
      method: 'POST',
      url: `/v1/schedules/${scheduleId}/holds`,
      headers: api.fanHeaders(),
      payload: { seatIds: ['A-1', ' A-2'] },
    });
    expect(problem.errors).toEqual([{ field: 'seatIds[1]', message: expect.any(String) }]);
  });
});

it('what is not even HTTP is answered with a problem document', async () => {
  await api.app.listen(0, '127.0.0.1');
  const { port } = new URL(await api.app.getUrl());
  const tooLarge = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`;
  for (const [request, status, code] of [
    ['hello\r\n\r\n', '400 Bad Request', 'malformed-request'],
    [tooLarge, '431 Request Header Fields Too Large', 'headers-too-large'],
  ] as const) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(request);
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text.split('\r\n').slice(0, 2)).toEqual([
      `HTTP/1.1 ${status}`,
      'Content-Type: application/problem+json',
    ]);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code });
  }
});

describe('refused commands', () => {
  it('carry the code, its status, the advice and the facts', async () => {
    api.commands.handler = () => {
      throw refuse('seat-held', 'Somebody else holds seat A-1: choose another one.', { seatId: 'A-1' });
    };
    expect(await problemOf(login)).toMatchObject({
      code: 'seat-held',
      status: 409,
      detail: 'Somebody else holds seat A-1: choose another one.',
      seatId: 'A-1',
    });
  });

  it.each([
    ['an overloaded stream', () => refuse('busy', 'Try again.'), 'busy'],
    ['too many appends', () => new StoreBusy('too many wait'), 'busy'],
    ['an unknown outcome', () => new StoreUnavailable('closed'), 'unavailable'],
    ['too many log-ins', () => new HasherBusy('busy'), 'unavailable'],
  ])('%s asks to come back', async (_, error, code) => {
    api.commands.handler = () => {
      throw error();
    };
    const problem = await problemOf(login);
    expect(problem).toMatchObject({ code, status: 503 });
    expect(Number(problem.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('a defect of ours tells nothing but the request id', async () => {
    api.commands.handler = () => {
      throw new Error('SELECT secret FROM users');
    };
    const problem = await problemOf(login);
    expect(problem).toMatchObject({ code: 'internal', status: 500 });
    expect(JSON.stringify(problem)).not.toContain('SELECT');
  });
});

describe('request ids', () => {
  it('a sane one is taken over', async () => {
    const reply = await api.app.inject({
      url: '/health/live',
      headers: { 'x-request-id': 'trace-0123456789' },
    });
    expect(reply.headers['x-request-id']).toBe('trace-0123456789');
  });

  it('any other is replaced', async () => {
    const reply = await api.app.inject({ url: '/health/live', headers: { 'x-request-id': 'no\tgood' } });
    expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('health', () => {
  afterEach(() => {
    api.readiness.ready = true;
    delete api.readiness.refusal;
  });

  it('is alive, and ready only while its checks pass', async () => {
    expect((await api.app.inject('/health/live')).statusCode).toBe(200);
    expect((await api.app.inject('/health/ready')).statusCode).toBe(200);
    api.readiness.ready = false;
    const problem = await problemOf({ url: '/health/ready' });
    expect(problem).toMatchObject({ status: 503, checks: [{ name: 'store', ok: false }] });
  });

  it('is all that is answered once log and tables do not belong together, and asks for a new process', async () => {
    api.readiness.refusal = 'The log ends at position 3, but the tables do not.';
    const anything = [
      { url: '/v1/performances' },
      { url: '/v1/payment-callbacks', method: 'POST' as const },
      { url: '/metrics', headers: { authorization: `Bearer ${adminKey}` } },
    ];
    for (const request of anything) {
      const problem = await problemOf(request);
      expect(problem).toMatchObject({ status: 503, code: 'log-mismatch' });
      expect(problem.detail).not.toContain('position 3');
    }
    expect(await problemOf({ url: '/health/live' })).toMatchObject({
      status: 503,
      code: 'log-mismatch',
      detail: api.readiness.refusal,
    });
    expect((await api.app.inject('/health/ready')).statusCode).toBe(200);
  });
});

describe('operators', () => {
  it('get in with their key', async () => {
    const reply = await api.app.inject({
      url: '/v1/admin/imports/formats',
      headers: { authorization: `Bearer ${adminKey}` },
    });
    expect(reply.json().formats).toContain('kopis');
  });
});
