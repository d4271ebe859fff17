import { createSigner } from 'fast-jwt';
import { deriveKey } from '../../src/platform/token-signer.js';
import { call, Fan } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { openSmallHall, type SmallHall } from '../e2e/small-hall.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { eventually } from '../services/wait-until.js';

/** OWASP API2:2023 Broken Authentication; ASVS 5.0 V7 Session Management. */

let office: Office;
let hall: SmallHall;
beforeAll(async () => {
  office = await Office.open();
  hall = await openSmallHall(office, { rows: 2, seatsPerRow: 5 });
});
afterAll(() => office.close());

const password = 'correct horse';
const newPassword = 'another battery';

interface Tokens {
  readonly userId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

const bearer = ({ accessToken }: Pick<Tokens, 'accessToken'>) => ({ authorization: `Bearer ${accessToken}` });

async function logIn(loginId: string, secret = password): Promise<Tokens> {
  const { status, body } = await call(office.url, 'POST', '/v1/auth/login', {
    body: { loginId, password: secret },
  });
  expect(status).toBe(200);
  return body;
}

async function newFan(): Promise<Fan> {
  return new Fan(office).arrive();
}

const refresh = ({ refreshToken }: Tokens) =>
  call(office.url, 'POST', '/v1/auth/refresh', { body: { refreshToken } });
const as = (tokens: Pick<Tokens, 'accessToken'>, method: string, path: string, body?: unknown) =>
  call(office.url, method, path, { headers: bearer(tokens), ...(body === undefined ? {} : { body }) });
const join = (tokens: Tokens) =>
  as(tokens, 'POST', `/v1/performances/${hall.performanceId}/queue-token`, { numberOfTickets: 1 });

/** Every use of the session is refused, and of what may be a second one of the same thief. */
async function expectEnded(tokens: Tokens): Promise<void> {
  for (const [method, path] of [
    ['GET', '/v1/me'],
    ['GET', '/v1/me/sessions'],
    ['DELETE', '/v1/me/sessions'],
    ['GET', '/v1/wallet'],
  ] as const) {
    const { status, body } = await as(tokens, method, path);
    expect(`${path} ${status} ${body.code}`).toBe(`${path} 401 session-ended`);
  }
  expect((await join(tokens)).body.code).toBe('session-ended');
  expect((await refresh(tokens)).body.code).toBe('session-ended');
}

describe('a session', () => {
  it('ends with its access tokens when it is logged out (ASVS 7.4.1)', async () => {
    const { loginId } = await newFan();
    const stolen = await logIn(loginId);
    const kept = await logIn(loginId);
    expect((await as(stolen, 'GET', '/v1/me')).status).toBe(200);
    const { refreshToken } = stolen;
    await call(office.url, 'POST', '/v1/auth/logout', { body: { refreshToken } });
    await expectEnded(stolen);
    expect((await as(kept, 'GET', '/v1/me')).status).toBe(200);
  });

  it('ends with all its access tokens when a used refresh token comes back (RFC 9700, 4.14.2)', async () => {
    const { loginId } = await newFan();
    const first = await logIn(loginId);
    const second: Tokens = (await refresh(first)).body;
    const third: Tokens = (await refresh(second)).body;
    expect((await as(third, 'GET', '/v1/me')).status).toBe(200);
    expect((await refresh(first)).body.code).toBe('session-ended');
    for (const tokens of [first, second, third]) await expectEnded(tokens);
  });

  it('ends when another session changes the password, which goes on itself (ASVS 7.4.3)', async () => {
    const { loginId } = await newFan();
    const thief = await logIn(loginId);
    const owner = await logIn(loginId);
    const body = { currentPassword: password, newPassword };
    expect((await as(owner, 'PUT', '/v1/me/password', body)).status).toBe(204);
    await expectEnded(thief);
    expect((await as(owner, 'GET', '/v1/me')).status).toBe(200);
    const refreshed: Tokens = (await refresh(owner)).body;
    expect((await as(refreshed, 'GET', '/v1/me')).status).toBe(200);
    expect((await as(await logIn(loginId, newPassword), 'GET', '/v1/me')).status).toBe(200);
  });

  it('is seen by its user, who ends it from another one (ASVS 7.5.2)', async () => {
    const { loginId } = await newFan();
    const thief = await logIn(loginId);
    const owner = await logIn(loginId);
    await eventually(async () => (await as(owner, 'GET', '/v1/me/sessions')).body.items.length === 3);
    const { items } = (await as(owner, 'GET', '/v1/me/sessions')).body;
    const current = items.filter((one: { isCurrent: boolean }) => one.isCurrent);
    expect(current).toHaveLength(1);
    const ofThief = (await as(thief, 'GET', '/v1/me/sessions')).body.items.find(
      (one: { isCurrent: boolean }) => one.isCurrent,
    );
    expect(ofThief.sessionId).not.toBe(current[0].sessionId);
    const path = `/v1/me/sessions/${ofThief.sessionId}`;
    const ended = await as(owner, 'DELETE', path);
    expect(ended.status).toBe(204);
    await expectEnded(thief);
    expect((await as(owner, 'DELETE', path)).status).toBe(204);
    const position = ended.headers.get('x-log-position') ?? '';
    const after = await call(office.url, 'GET', '/v1/me/sessions', {
      headers: { ...bearer(owner), 'x-wait-for-position': position },
    });
    expect(after.body.items).toHaveLength(2);
  });

  it('ends with all others of the user but the one that asks (ASVS 7.4.3)', async () => {
    const { loginId } = await newFan();
    const [first, second, owner] = [await logIn(loginId), await logIn(loginId), await logIn(loginId)];
    const ended = await as(owner, 'DELETE', '/v1/me/sessions');
    expect(ended.status).toBe(204);
    await expectEnded(first);
    await expectEnded(second);
    expect((await as(owner, 'GET', '/v1/me')).status).toBe(200);
    const position = ended.headers.get('x-log-position') ?? '';
    const { items } = (
      await call(office.url, 'GET', '/v1/me/sessions', {
        headers: { ...bearer(owner), 'x-wait-for-position': position },
      })
    ).body;
    expect(items).toMatchObject([{ isCurrent: true }]);
    const later = await logIn(loginId);
    expect((await as(later, 'GET', '/v1/me')).status).toBe(200);
  });

  it('of somebody else can be neither seen nor ended (API1:2023)', async () => {
    const victim = await logIn((await newFan()).loginId);
    const attacker = await logIn((await newFan()).loginId);
    await eventually(async () => (await as(victim, 'GET', '/v1/me/sessions')).body.items.length === 2);
    const mine = (await as(victim, 'GET', '/v1/me/sessions')).body.items;
    const { sessionId } = mine.find((one: { isCurrent: boolean }) => one.isCurrent);
    const tried = await as(attacker, 'DELETE', `/v1/me/sessions/${sessionId}`);
    expect([tried.status, tried.body.code]).toEqual([404, 'session-unknown']);
    expect((await as(victim, 'GET', '/v1/me')).status).toBe(200);
    const { items } = (await as(attacker, 'GET', '/v1/me/sessions')).body;
    expect(items.map((one: { sessionId: string }) => one.sessionId)).not.toContain(sessionId);
  });

  it('stays ended after a restart, whose memory is empty', async () => {
    const { loginId } = await newFan();
    const thief = await logIn(loginId);
    const owner = await logIn(loginId);
    await as(owner, 'DELETE', '/v1/me/sessions');
    await office.restart();
    await expectEnded(thief);
    expect((await as(owner, 'GET', '/v1/me')).status).toBe(200);
  });

  it('is known from an access token of an earlier release too', async () => {
    const { loginId } = await newFan();
    const signer = createSigner({
      key: deriveKey(testEnvironment.SECRET, 'access token'),
      algorithm: 'HS256',
      noTimestamp: true,
    });
    const olderTokenOf = ({ accessToken }: Tokens) => {
      const [, payload = ''] = accessToken.split('.');
      const { ep: _, iat: __, ...claims } = JSON.parse(Buffer.from(payload, 'base64url').toString());
      return { accessToken: signer(claims) };
    };
    const [thief, owner] = [await logIn(loginId), await logIn(loginId)];
    expect((await as(olderTokenOf(thief), 'GET', '/v1/me')).status).toBe(200);
    await as(owner, 'DELETE', '/v1/me/sessions');
    expect((await as(olderTokenOf(thief), 'GET', '/v1/me')).body.code).toBe('session-ended');
    expect((await as(olderTokenOf(owner), 'GET', '/v1/me')).status).toBe(200);
  });
});

describe('an erased fan', () => {
  it('neither joins nor holds with an access token that has not expired (ASVS 7.4.2)', async () => {
    const fan = await newFan();
    const other = await logIn(fan.loginId);
    await fan.queue(hall.performanceId);
    expect((await fan.hold(hall.scheduleId, [hall.seatIds[0] ?? ''])).status).toBe(201);
    const { items } = (await fan.call('GET', '/v1/holds')).body;
    await fan.call('DELETE', `/v1/holds/${items[0].holdId}`);
    const erased = await fan.call('POST', '/v1/me/erase', { body: { password, forfeit: true } });
    expect(erased.status).toBe(204);
    const hold = await fan.hold(hall.scheduleId, [hall.seatIds[1] ?? '']);
    expect([hold.status, hold.body.code]).toEqual([401, 'session-ended']);
    await expectEnded(other);
  });
});
