import { createSigner } from 'fast-jwt';
import { performanceIdSchema, sessionIdSchema, tokenIdSchema, userIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { deriveKey, TokenSigner } from '../../src/platform/token-signer.js';
import { ManualClock } from '../commands/manual-clock.js';

const secret = 'a secret only the tests know, 32+ characters';
const clock = new ManualClock();
const signer = new TokenSigner({ current: secret }, clock);
const claims = {
  sub: userIdSchema.parse(deriveId('mina')),
  sid: sessionIdSchema.parse(deriveId('session')),
};
const pass = {
  sub: claims.sub,
  tid: tokenIdSchema.parse(deriveId('token')),
  pid: performanceIdSchema.parse(deriveId('performance')),
  num: 7,
};

describe('TokenSigner', () => {
  it('reads back what it signed', () => {
    expect(signer.access.verify(signer.access.sign(claims, 60_000).value)).toMatchObject(claims);
    expect(signer.queue.verify(signer.queue.sign(pass, 60_000).value)).toEqual(pass);
    const refresh = { ...claims, gen: 3 };
    expect(signer.refresh.verify(signer.refresh.sign(refresh, 60_000).value)).toEqual(refresh);
  });

  it('honours a token until its time is over, also one that was verified before', () => {
    const { value, expiresAt } = signer.access.sign(claims, 60_000);
    clock.moveTo(expiresAt, -1);
    expect(signer.access.verify(value)).toMatchObject(claims);
    clock.advance(1);
    expect(signer.access.verify(value)).toBeUndefined();
  });

  it('never takes one kind for another', () => {
    const access = signer.access.sign(claims, 60_000).value;
    const refresh = signer.refresh.sign({ ...claims, gen: 0 }, 60_000).value;
    const queue = signer.queue.sign(pass, 60_000).value;
    expect([signer.refresh.verify(access), signer.queue.verify(access)]).toEqual([undefined, undefined]);
    expect([signer.access.verify(refresh), signer.access.verify(queue)]).toEqual([undefined, undefined]);
  });

  it('refuses what another secret signed, what was changed, and what is unsigned', () => {
    const forger = new TokenSigner({ current: 'another secret that is also long enough' }, clock);
    const { value } = signer.access.sign(claims, 60_000);
    const [header, , signature] = value.split('.');
    const payload = Buffer.from(JSON.stringify({ ...claims, exp: 9_999_999_999 })).toString('base64url');
    const unsigned = createSigner({ algorithm: 'none' })({ ...claims, exp: 9_999_999_999 });
    for (const bad of [
      forger.access.sign(claims, 60_000).value,
      `${header}.${payload}.${signature}`,
      unsigned,
      `${value}x`,
      '',
      'not a token',
    ]) {
      expect(signer.access.verify(bad)).toBeUndefined();
    }
  });

  it('refuses rightly signed tokens without an expiry or with claims of another shape', () => {
    const key = deriveKey(secret, 'access token');
    const sign = createSigner({ key, algorithm: 'HS256', noTimestamp: true });
    expect(signer.access.verify(sign({ ...claims, exp: 9_999_999_999 }))).toEqual(claims);
    expect(signer.access.verify(sign(claims))).toBeUndefined();
    expect(signer.access.verify(sign({ sub: 'mina', exp: 9_999_999_999 }))).toBeUndefined();
  });

  it('derives another key for every purpose and secret', () => {
    const keys = [deriveKey('a', 'x'), deriveKey('a', 'y'), deriveKey('b', 'x')];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(3);
  });
});
