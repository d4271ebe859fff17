import { defaultApiSettings } from '../../src/api/api-settings.js';
import { RefreshTokenReused } from '../../src/commands/account/sessions.js';
import { refuse } from '../../src/domain/rejection.js';
import { type ApiUnderTest, adminKey, startApi, userId } from '../api/api-under-test.js';

// OWASP API8, API2; ASVS 5.0 16.3.1 to 16.3.3: failed authentication and exceeded limits are logged.

let api: ApiUnderTest;
beforeEach(async () => {
  const rateLimits = { ...defaultApiSettings.rateLimits, passwordsPerMinute: 2, commandsPerMinute: 1 };
  api = await startApi({ settings: { rateLimits } });
  api.commands.handler = () => {
    throw refuse('invalid-credentials', 'The login id or the password is wrong.');
  };
});
afterEach(() => api.app.close());

const logIn = () =>
  api.app.inject({
    method: 'POST',
    url: '/v1/auth/login',
    payload: { loginId: 'mina', password: 'guess-number-1' },
  });

const kinds = () => api.securityLines.map(({ securityEvent }) => securityEvent);

describe('the security log has a line', () => {
  it('for a wrong password, without the password, the login id or the address', async () => {
    await logIn();
    expect(api.securityLines).toEqual([
      {
        securityEvent: 'login-failed',
        method: 'POST',
        path: '/v1/auth/login',
        requestId: expect.any(String),
        loginHash: expect.stringMatching(/^[0-9a-f]{16}$/),
        addressHash: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
    ]);
    expect(JSON.stringify(api.securityLines)).not.toMatch(/mina|guess|127\.0\.0\.1/);
  });

  it('for an access token that is not valid, and none for a request without one', async () => {
    await api.app.inject({ url: '/v1/me', headers: { authorization: 'Bearer forged' } });
    await api.app.inject({ url: '/v1/me' });
    expect(api.securityLines).toMatchObject([{ securityEvent: 'token-refused', token: 'access' }]);
  });

  it('for a refresh token that is not valid', async () => {
    api.commands.handler = () => {
      throw refuse('session-ended', 'This session has ended: log in again.');
    };
    await api.app.inject({ method: 'POST', url: '/v1/auth/refresh', payload: { refreshToken: 'old' } });
    expect(api.securityLines).toMatchObject([{ securityEvent: 'token-refused', token: 'refresh' }]);
  });

  it('for the access token of a session that has ended', async () => {
    api.sessions.answer = async () => false;
    const reply = await api.app.inject({ url: '/v1/me', headers: api.accessHeaders() });
    expect(reply.json()).toMatchObject({ status: 401, code: 'session-ended' });
    expect(api.securityLines).toMatchObject([{ securityEvent: 'token-refused', token: 'access', userId }]);
  });

  it('for a refresh token that was used twice, with its user', async () => {
    api.commands.handler = () => {
      throw new RefreshTokenReused(userId);
    };
    const payload = { refreshToken: 'used' };
    const reply = await api.app.inject({ method: 'POST', url: '/v1/auth/refresh', payload });
    expect(reply.json()).toMatchObject({ status: 401, code: 'session-ended' });
    expect(api.securityLines).toMatchObject([{ securityEvent: 'refresh-token-reused', userId }]);
  });

  it('for a forged queue token, with the fan who sent it', async () => {
    const headers = { ...api.fanHeaders(), 'x-queue-token': 'forged' };
    await api.app.inject({
      method: 'DELETE',
      url: '/v1/holds/88888888-8888-4888-8888-888888888888',
      headers,
    });
    expect(api.securityLines).toMatchObject([{ securityEvent: 'token-refused', token: 'queue', userId }]);
  });

  it('for each limit that is hit, by its name', async () => {
    for (let attempt = 0; attempt < 3; attempt++) await logIn();
    expect(kinds()).toEqual(['login-failed', 'login-failed', 'limit-hit']);
    const [failed, , limited] = api.securityLines;
    expect(limited).toMatchObject({ limit: 'passwords', loginHash: failed?.loginHash });
  });

  it('for reads of an address beyond its allowance, which are answered before anything else', async () => {
    const reads = { ...defaultApiSettings.reads, perMinute: 4, refuseAfterMs: 0 };
    const limited = await startApi({ settings: { reads } });
    for (let read = 0; read < 3; read++) await limited.app.inject({ url: '/v1/performances' });
    expect(limited.securityLines).toContainEqual(
      expect.objectContaining({
        securityEvent: 'limit-hit',
        limit: 'reads',
        addressHash: expect.any(String),
      }),
    );
    await limited.app.close();
  });
});

it('security events are counted for Prometheus, every kind from 0 on', async () => {
  await logIn();
  const { body } = await api.app.inject({
    url: '/metrics',
    headers: { authorization: `Bearer ${adminKey}` },
  });
  expect(body).toContain('\nboxoffice_security_events_total{kind="login-failed"} 1\n');
  expect(body).toContain('\nboxoffice_security_events_total{kind="limit-hit"} 0\n');
});

it('a refusal tells the caller nothing of how it is recorded', async () => {
  for (let attempt = 0; attempt < 2; attempt++) await logIn();
  const refused = (await logIn()).json();
  expect(refused.code).toBe('too-many-requests');
  expect(refused).not.toHaveProperty('limit');
});
