import { registerUserSchema } from '../../src/commands/account/account.js';
import { refuse } from '../../src/domain/rejection.js';
import { decodeJson } from '../../src/integrations/feeds/decode.js';
import { signatureHeader, signCallback, verifyCallback } from '../../src/integrations/payment/wire.js';
import { hasDuplicateKeys } from '../../src/platform/unique-keys.js';
import { type ApiUnderTest, adminKey, noRateLimits, startApi, userId } from '../api/api-under-test.js';

/** OWASP API8:2023 Security Misconfiguration, API3:2023; ASVS 5.0 V1.1.1, V2.2.1, V4.1, V6.3.8. */

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ settings: { rateLimits: noRateLimits } });
});
afterAll(() => api.app.close());
beforeEach(() => {
  api.commands.received.length = 0;
  api.commands.handler = () => ({ userId, loginId: 'a', username: 'a', name: 'a', position: 1 });
});

const person = { loginId: 'minji', username: 'Minji', name: '김민지', password: 'correct horse' };
const fieldsRefused = (changed: Partial<typeof person>) =>
  registerUserSchema.safeParse({ ...person, ...changed }).error?.issues.map(({ path }) => path[0]) ?? [];

describe('a name that is not what it looks like', () => {
  it.each([
    ['a control character', 'Kim\u0007Minji'],
    ['a line break', 'Kim\nMinji'],
    ['a line separator', 'Kim\u2028Minji'],
    ['an escape sequence of a terminal', '\u001b[31mKim'],
    ['a character that turns the writing direction', 'Kim\u202EijniM'],
    ['an isolate of the writing direction', 'Kim\u2066Minji\u2069'],
    ['a mark of the writing direction', 'Kim\u200FMinji'],
    ['half a surrogate pair', 'Kim \uD83D'],
    ['an invisible space', 'Kim\u200BMinji'],
    ['a byte order mark in the middle', 'Kim\uFEFFMinji'],
  ])('is refused: %s', (_, name) => {
    expect(fieldsRefused({ name })).toEqual(['name']);
    expect(fieldsRefused({ username: name })).toEqual(['username']);
    expect(fieldsRefused({ loginId: name })).toContain('loginId');
  });

  it.each([
    ['Korean', '김민지'],
    ['with an accent', 'Zoë O’Connor-Łukasiewicz'],
    ['Persian, with a joiner', 'علی\u200Cرضا'],
    ['Arabic', 'فاطمة'],
    ['with a joined emoji', 'Minji 👩\u200D💻'],
  ])('is not refused for being %s', (_, name) => {
    expect(fieldsRefused({ name, username: name })).toEqual([]);
  });

  it('is refused at the boundary with the name of the field', async () => {
    const reply = await api.app.inject({
      method: 'POST',
      url: '/v1/users',
      payload: { ...person, name: 'Kim\u202EijniM' },
    });
    expect(reply.json()).toMatchObject({ code: 'validation-failed', errors: [{ field: 'name' }] });
    expect(api.commands.received).toEqual([]);
  });
});

describe('a login id that passes for another one', () => {
  it.each([
    ['Cyrillic letters in a Latin word', 'раypal'],
    ['a Greek letter in a Latin word', 'minjι'],
    ['Latin and Cyrillic parts', 'minji.иван'],
    ['Cyrillic letters that all look Latin', 'сосо'],
    ['Greek letters that all look Latin', 'κατο'],
    ['Cherokee, which looks Latin', 'ᎷᏆᏟᎻ'],
    ['digits of another script', 'minji٣'],
    ['mathematical letters beside Cyrillic ones', '𝐦ін𝐣і'],
    ['a combining mark of no script', 'minji\u20DD'],
  ])('is refused: %s', (_, loginId) => {
    expect(fieldsRefused({ loginId })).toEqual(['loginId']);
  });

  it.each([
    'minji',
    'minji.kim+tickets@example.org',
    'josé_muñoz',
    '김민지2',
    '민지kim',
    '田中さくら',
    'コーヒー好き',
    '王小明wang',
    'иван.петров',
    'μαρία-παπαδοπούλου',
    'فاطمة7',
    'नमिता',
  ])('is not refused for its script: %s', (loginId) => {
    expect(fieldsRefused({ loginId })).toEqual([]);
  });

  it('is not refused at a log-in: ids of earlier releases work', async () => {
    api.commands.handler = () => {
      throw refuse('invalid-credentials', 'The login id or the password is wrong.');
    };
    const payload = { loginId: 'раypal', password: 'correct horse' };
    const reply = await api.app.inject({ method: 'POST', url: '/v1/auth/login', payload });
    expect(reply.json().code).toBe('invalid-credentials');
  });
});

describe('a password', () => {
  it('is refused with half a surrogate pair, which would have the hash of another password', () => {
    expect(fieldsRefused({ password: 'correct \uD83D horse' })).toEqual(['password']);
    expect(fieldsRefused({ password: 'correct 😀 horse' })).toEqual([]);
  });
});

describe('JSON that two programs read differently', () => {
  const post = (payload: string) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/users',
      headers: { 'content-type': 'application/json' },
      payload,
    });

  it.each([
    ['a field twice', '{"loginId":"minji","loginId":"admin"}'],
    ['a field twice with the same value', '{"loginId":"minji","loginId":"minji"}'],
    ['a field twice, once escaped', '{"loginId":"minji","\\u006cogin\\u0049d":"admin"}'],
    ['in a nested object', '{"a":[{"b":{"c":1,"c":2}}]}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
  ])('is refused: %s', async (_, payload) => {
    const reply = await post(payload);
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'malformed-json']);
    expect(reply.json().detail).toContain('twice');
    expect(api.commands.received).toEqual([]);
    expect(decodeJson(payload)).toEqual({ ok: false, reason: 'names a field of one object twice' });
  });

  it.each([
    ['colons and quotes in strings', { ...person, name: 'a: "b": \\": {c}' }],
    ['the same field in two objects', [{ a: 1 }, { a: 2, b: { a: 3 } }]],
    ['nothing in it', {}],
    ['a value that is no object', 'a:b'],
  ])('is told from JSON that has %s', (_, value) => {
    const text = JSON.stringify(value);
    expect(hasDuplicateKeys(text, value)).toBe(false);
    expect(decodeJson(text)).toEqual({ ok: true, value });
  });

  it('is refused however deep it is', () => {
    const depth = 5_000;
    const nested = (inner: string) => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`;
    const check = (text: string) => hasDuplicateKeys(text, JSON.parse(text));
    expect(check(nested('{"b":1,"b":2}'))).toBe(true);
    expect(check(nested('{"b":1,"c":2}'))).toBe(false);
  });

  it('is refused in the options of an import', async () => {
    const prices = '[{"category":"A","price":1,"price":2}]';
    const reply = await api.app.inject({
      method: 'POST',
      url: `/v1/admin/imports?format=kopis&prices=${encodeURIComponent(prices)}`,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      payload: '{}',
    });
    expect(reply.json()).toMatchObject({ code: 'validation-failed', errors: [{ field: 'prices' }] });
  });

  it('is refused in a payment callback, though its signature is right', () => {
    const callback = {
      paymentId: 'pay_1',
      idempotencyKey: '11111111-1111-4111-8111-111111111111',
      status: 'approved',
      amount: 100,
    };
    const verdict = (body: string) =>
      verifyCallback('secret', { [signatureHeader]: signCallback('secret', body, 0) }, body, 0);
    const once = JSON.stringify(callback);
    expect(verdict(once)).toMatchObject({ valid: true });
    expect(verdict(once.replace('{', '{"amount":1,'))).toEqual({ valid: false, reason: 'malformed' });
  });
});

describe('what a client sends and gets back', () => {
  it.each([
    ['too long', 'x'.repeat(101)],
    ['with markup', '<script>alert(1)</script>'],
    ['with a space', 'request number one'],
    ['outside ASCII', 'réquest-1234'],
    ['too short to tell requests apart', 'x'],
  ])('is not a request id %s', async (_, requestId) => {
    const reply = await api.app.inject({ url: '/v1/nowhere', headers: { 'x-request-id': requestId } });
    expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(reply.json().requestId).toBe(reply.headers['x-request-id']);
  });

  it('is a request id of harmless characters', async () => {
    const requestId = 'trace:01.ab-cd_EF';
    const reply = await api.app.inject({ url: '/v1/nowhere', headers: { 'x-request-id': requestId } });
    expect(reply.headers['x-request-id']).toBe(requestId);
  });

  it.each([
    ['too long', 'k'.repeat(256)],
    ['with a control character', 'key\twith a tab'],
    ['outside ASCII', 'schlüssel'],
    ['empty', ''],
  ])('is not an idempotency key %s', async (_, key) => {
    const reply = await api.app.inject({
      method: 'POST',
      url: '/v1/wallet/charges',
      headers: { ...api.accessHeaders(), 'idempotency-key': key },
      payload: { amount: 1, paymentMethod: 'card' },
    });
    expect(reply.json().code).toBe('idempotency-key-missing');
    expect(api.commands.received).toEqual([]);
  });

  it('is not a path or a field name of any length', async () => {
    const path = await api.app.inject({ url: `/v1/${'x'.repeat(8_000)}?secret=1` });
    expect(path.json().instance.length).toBeLessThanOrEqual(500);
    const payload = { ...person, ['y'.repeat(5_000)]: 1 };
    const field = await api.app.inject({ method: 'POST', url: '/v1/users', payload });
    expect(field.json()).toMatchObject({ code: 'validation-failed', errors: [{ field: 'y'.repeat(100) }] });
    expect(field.body.length).toBeLessThan(1_000);
  });
});
