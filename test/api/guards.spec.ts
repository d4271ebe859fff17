import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { ReleaseHold } from '../../src/commands/seats/end-hold.js';
import {
  type ApiUnderTest,
  adminKey,
  noRateLimits,
  otherPerformanceId,
  performanceId,
  startApi,
  strangerId,
  tokenId,
  userId,
} from './api-under-test.js';

const holdUrl = '/v1/holds/99999999-9999-4999-8999-999999999999';
const enterUrl = `/v1/performances/${performanceId}/queue-token/enter`;

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({
    settings: { rateLimits: noRateLimits },
  });
});
afterAll(() => api.app.close());
beforeEach(() => {
  api.commands.received.length = 0;
  api.commands.handler = () => ({ position: 12 });
});

async function codeOf(method: 'POST' | 'DELETE' | 'GET', url: string, headers: Record<string, string>) {
  const reply = await api.app.inject({ method, url, headers });
  return `${reply.statusCode} ${reply.json().code}`;
}

describe('access tokens', () => {
  it('say who the fan is', async () => {
    api.commands.handler = () => ({
      isNew: true,
      tokenId,
      performanceId,
      number: 7,
      queueToken: {},
      position: 1,
    });
    await api.app.inject({
      method: 'POST',
      url: `/v1/performances/${performanceId}/queue-token`,
      headers: api.accessHeaders(),
      payload: { numberOfTickets: 2 },
    });
    const [command] = api.commands.received;
    expect(command).toBeInstanceOf(IssueToken);
    expect(command).toMatchObject({ userId, performanceId, context: { actor: { kind: 'user', userId } } });
  });

  it('are refused when forged, expired or of another kind', async () => {
    const { authorization } = api.accessHeaders();
    expect(await codeOf('GET', '/v1/me', { authorization: `${authorization}x` })).toBe('401 unauthenticated');
    const queueToken = api.fanHeaders()['x-queue-token'];
    expect(await codeOf('GET', '/v1/me', { authorization: `Bearer ${queueToken}` })).toBe(
      '401 unauthenticated',
    );
    api.clock.ms += 3_600_000;
    expect(await codeOf('GET', '/v1/me', api.fanHeaders())).not.toBe('401 unauthenticated');
    expect(await codeOf('GET', '/v1/me', { authorization: String(authorization) })).toBe(
      '401 unauthenticated',
    );
  });

  it('are asked for by name', async () => {
    const reply = await api.app.inject('/v1/me');
    expect(reply.headers['www-authenticate']).toBe('Bearer');
  });
});

describe('queue tokens', () => {
  it('let their own fan in', async () => {
    const reply = await api.app.inject({ method: 'DELETE', url: holdUrl, headers: api.fanHeaders() });
    expect(reply.statusCode).toBe(200);
    const [command] = api.commands.received;
    expect(command).toBeInstanceOf(ReleaseHold);
    expect(command).toMatchObject({ queueToken: { tokenId, userId, performanceId, number: 7 } });
  });

  it.each([
    ['missing', () => api.accessHeaders()],
    ['forged', () => ({ ...api.accessHeaders(), 'x-queue-token': 'x.y.z' })],
    [
      'an access token',
      () => ({ ...api.accessHeaders(), 'x-queue-token': String(api.accessHeaders().authorization).slice(7) }),
    ],
    ['shared by somebody else', () => api.fanHeaders({ holder: strangerId })],
  ])('are refused when %s', async (_, headers) => {
    expect(await codeOf('DELETE', holdUrl, headers())).toBe('403 queue-token-invalid');
    expect(api.commands.received).toEqual([]);
  });

  it('are refused when expired', async () => {
    const headers = api.fanHeaders();
    api.clock.ms += 3_600_000;
    const fresh = { ...headers, ...api.accessHeaders() };
    expect(await codeOf('DELETE', holdUrl, fresh)).toBe('403 queue-token-invalid');
  });

  it('are refused at another performance', async () => {
    const headers = api.fanHeaders({ performance: otherPerformanceId });
    expect(await codeOf('POST', enterUrl, headers)).toBe('403 queue-token-invalid');
  });
});

describe('operators', () => {
  const url = '/v1/admin/imports';

  it.each([
    ['nothing', {}],
    ['a wrong key', { authorization: 'Bearer wrong' }],
    ['a longer key', { authorization: `Bearer ${adminKey}x` }],
  ])('with %s are refused before the body is read', async (_, headers) => {
    // JSON that would be refused as malformed if it were read.
    const reply = await api.app.inject({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/x-unknown' },
      payload: '{',
    });
    expect(reply.json()).toMatchObject({ code: 'unauthenticated' });
  });

  it('are refused altogether when no key is configured', async () => {
    const closed = await startApi({ settings: { adminKey: undefined } });
    const reply = await closed.app.inject({
      url: `${url}/formats`,
      headers: { authorization: 'Bearer undefined' },
    });
    expect(reply.statusCode).toBe(401);
    await closed.app.close();
  });
});
