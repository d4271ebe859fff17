import { randomUUID } from 'node:crypto';
import { PasswordHasher } from '../../src/platform/password-hasher.js';
import { ManualClock } from '../commands/manual-clock.js';
import { type Answer, call, Fan } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';

/** OWASP API2:2023 Broken Authentication; ASVS 5.0 V6 Authentication (6.1.1, 6.2.4, 6.2.12, 6.3.1, 6.3.8). */

const password = 'correct horse';

/** Counts what is hashed: a guess that is refused costs nothing. */
class CountingHasher extends PasswordHasher {
  checks = 0;

  override async hash(secret: string): Promise<string> {
    return `cheap ${secret}`;
  }
  override async verify(passwordHash: string | undefined, secret: string): Promise<boolean> {
    this.checks++;
    return passwordHash === `cheap ${secret}`;
  }
}

let office: Office;
const hasher = new CountingHasher();
/** It stands still within a test, so that no allowance fills up meanwhile. */
const clock = new ManualClock();
/** The default limits, but that clients may come from many addresses. */
beforeAll(async () => {
  const defaults = {
    RATE_LIMIT_LOGIN_PER_MINUTE: '',
    RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT: '',
    RATE_LIMIT_REGISTRATIONS_PER_MINUTE: '',
    TRUST_PROXY: '1',
  };
  office = await Office.open(defaults, { hasher, clock });
});
afterAll(() => office.close());
beforeEach(() => {
  clock.advance(120_000);
  hasher.checks = 0;
});

const from = (address: string) => ({ 'x-forwarded-for': address });
const logIn = (address: string, loginId: string, secret: string): Promise<Answer> =>
  call(office.url, 'POST', '/v1/auth/login', { body: { loginId, password: secret }, headers: from(address) });
const register = (address: string, loginId: string, secret = password): Promise<Answer> =>
  call(office.url, 'POST', '/v1/users', {
    body: { loginId, username: 'Fan', name: 'Kim Fan', password: secret },
    headers: from(address),
  });
const fullWidth = (text: string) =>
  text.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
const codes = (answers: readonly Answer[]) => answers.map(({ status, body }) => `${status} ${body?.code}`);
const count = (answers: readonly Answer[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

describe('guessing the password of one account from many addresses', () => {
  it.each([
    ['that exists', 'known'],
    ['that does not exist, alike', 'nobody'],
  ])('is refused after ten guesses, before anything is hashed: an account %s', async (_, victim) => {
    await register('192.0.2.1', 'known');
    const guesses: Answer[] = [];
    for (let guess = 0; guess < 15; guess++) {
      guesses.push(await logIn(`198.51.100.${guess}`, victim, `guess number ${guess}`));
    }
    expect(codes(guesses)).toEqual([
      ...Array.from({ length: 10 }, () => '401 invalid-credentials'),
      ...Array.from({ length: 5 }, () => '429 too-many-requests'),
    ]);
    expect(hasher.checks).toBe(10);
    expect(Number(guesses.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
    // Another spelling is the same account.
    expect((await logIn('198.51.100.99', fullWidth(victim), 'guess')).status).toBe(429);
  });

  it('does not keep others from logging in', async () => {
    await register('192.0.2.1', 'bystander');
    for (let guess = 0; guess < 12; guess++) await logIn(`198.51.100.${guess}`, 'victim', 'a guess');
    expect((await logIn('192.0.2.1', 'bystander', password)).status).toBe(200);
  });
});

describe('guessing the passwords of many accounts from one address', () => {
  it('is refused after ten wrong ones, also when all are sent at once', async () => {
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, fan) => logIn('198.51.100.7', `fan-${fan}`, 'spring 2026')),
    );
    expect(count(guesses, 401)).toBe(10);
    expect(count(guesses, 429)).toBe(30);
    expect(hasher.checks).toBe(10);
    expect((await logIn('198.51.100.8', 'fan-1', 'spring 2026')).status).toBe(401);
  });

  it('is one address for all addresses of an IPv6 network', async () => {
    const guesses: Answer[] = [];
    for (let guess = 0; guess < 11; guess++) {
      guesses.push(await logIn(`2001:db8:0:1::${guess + 1}`, `v6-fan-${guess}`, 'spring 2026'));
    }
    expect(count(guesses, 401)).toBe(10);
  });

  it('does not keep out fans with the right password who share the address, however many come at once', async () => {
    const fans = Array.from({ length: 40 }, (_, fan) => `shared-${fan}`);
    for (const fan of fans) await register('192.0.2.1', fan);
    const logIns = await Promise.all(fans.map((fan) => logIn('192.0.2.1', fan, password)));
    expect(count(logIns, 200)).toBe(40);
    for (const fan of fans.slice(0, 15)) expect((await logIn('192.0.2.1', fan, password)).status).toBe(200);
  });
});

describe('guessing the password in a session that was stolen', () => {
  it.each([
    ['by changing it', 'PUT', '/v1/me/password', { currentPassword: 'a guess', newPassword: 'of the thief' }],
    ['by erasing the account', 'POST', '/v1/me/erase', { password: 'a guess' }],
  ] as const)('%s is refused after ten guesses from any address', async (_, method, path, body) => {
    await register('192.0.2.1', 'victim');
    const { accessToken } = (await logIn('192.0.2.1', 'victim', password)).body;
    const guesses: Answer[] = [];
    for (let guess = 0; guess < 12; guess++) {
      const headers = { ...from(`198.51.100.${guess}`), authorization: `Bearer ${accessToken}` };
      guesses.push(await call(office.url, method, path, { body, headers }));
    }
    expect(count(guesses, 401)).toBe(10);
    expect(count(guesses, 429)).toBe(2);
  });
});

describe('registering', () => {
  it('is limited for each address, so that login ids cannot be tried out quickly (ASVS 6.3.8)', async () => {
    const answers = await Promise.all(
      Array.from({ length: 70 }, () => register('198.51.100.7', `fan-${randomUUID().slice(0, 8)}`)),
    );
    expect(count(answers, 201)).toBe(60);
    expect(count(answers, 429)).toBe(10);
    expect((await register('198.51.100.8', 'another')).status).toBe(201);
  });

  it('does not use up what log-ins have', async () => {
    await register('198.51.100.7', 'fan');
    await Promise.all(
      Array.from({ length: 65 }, () => register('198.51.100.7', `fan-${randomUUID().slice(0, 8)}`)),
    );
    expect((await logIn('198.51.100.7', 'fan', password)).status).toBe(200);
  });
});

describe('a password that is guessed first', () => {
  it.each([
    ['a common one', 'password1', 'minji'],
    ['a common one in other letters', 'QwErTy123', 'minju'],
    ['a common one in full-width letters', 'ｑｗｅｒｔｙ１２３', 'minho'],
    ['the login id', 'minjikim', 'minjikim'],
    ['the login id in capitals', 'HodongKim', 'hodongkim'],
  ])('is refused at registration and at a change: %s (ASVS 6.2.4)', async (_, weak, loginId) => {
    const refused = await register('192.0.2.1', loginId, weak);
    expect(codes([refused])).toEqual(['422 password-too-weak']);
    await register('192.0.2.1', loginId);
    const { accessToken } = (await logIn('192.0.2.1', loginId, password)).body;
    const change = (newPassword: string) =>
      call(office.url, 'PUT', '/v1/me/password', {
        body: { currentPassword: password, newPassword },
        headers: { authorization: `Bearer ${accessToken}` },
      });
    expect(codes([await change(weak)])).toEqual(['422 password-too-weak']);
    expect((await change('somebodyelse')).status).toBe(204);
  });
});

describe('the same password typed on another keyboard', () => {
  it('is the same password, in whichever Unicode form it is sent', async () => {
    const honest = await Office.open({}, { hasher: new PasswordHasher() });
    const typed = '비밀번호는 é';
    const fan = new Fan(honest);
    const body = { loginId: 'unicode', username: 'Fan', name: 'Kim Fan', password: typed.normalize('NFD') };
    await fan.call('POST', '/v1/users', { body });
    const login = await fan.call('POST', '/v1/auth/login', {
      body: { loginId: 'unicode', password: typed.normalize('NFC') },
    });
    expect(login.status).toBe(200);
    await honest.close();
  });
});
