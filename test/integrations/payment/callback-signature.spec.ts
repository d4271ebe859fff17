import {
  callbackToleranceMs,
  signatureHeader,
  signCallback,
  verifyCallback,
} from '../../../src/integrations/payment/wire.js';

const secret = 'secret';
const sentAtMs = Date.UTC(2026, 10, 22, 9);
const callback = {
  paymentId: 'pay_1',
  idempotencyKey: '0b8f4f0e-3c33-4c7e-9d0e-3a53e6f3a001',
  status: 'approved',
  amount: 500,
};
const body = JSON.stringify(callback);
const signature = signCallback(secret, body, sentAtMs);
const verify = (header: string | string[] | undefined, raw: string | Uint8Array = body, nowMs = sentAtMs) =>
  verifyCallback(secret, { [signatureHeader]: header }, raw, nowMs);

describe('verifyCallback', () => {
  it('accepts what was signed, as text or as bytes', () => {
    expect(verify(signature)).toEqual({ valid: true, callback });
    expect(verify(signature, Buffer.from(body))).toEqual({ valid: true, callback });
  });

  it('signs as documented: HMAC-SHA256 over the time, a point and the body', () => {
    // printf '1700000000000.{}' | openssl dgst -sha256 -hmac secret
    expect(signCallback('secret', '{}', 1_700_000_000_000)).toBe(
      't=1700000000000,v1=8399216d111287e3bb28e25c0f4f31dffdf831c68c9ee2b96c2f67c9b81d341b',
    );
  });

  it('refuses a changed body', () => {
    expect(verify(signature, body.replace('500', '900'))).toEqual({
      valid: false,
      reason: 'wrong-signature',
    });
  });

  it('refuses a changed time, so that an old callback cannot be made young', () => {
    const young = signature.replace(String(sentAtMs), String(sentAtMs + 1));
    expect(verify(young)).toEqual({ valid: false, reason: 'wrong-signature' });
  });

  it('refuses another secret', () => {
    expect(verify(signCallback('other', body, sentAtMs))).toEqual({
      valid: false,
      reason: 'wrong-signature',
    });
  });

  it.each([1, -1])(
    'refuses a time too far from ours (direction %i), and accepts the limit itself',
    (sign) => {
      const limitMs = sentAtMs + sign * callbackToleranceMs;
      expect(verify(signature, body, limitMs).valid).toBe(true);
      expect(verify(signature, body, limitMs + sign)).toEqual({ valid: false, reason: 'stale' });
    },
  );

  it.each([
    ['none', undefined],
    ['two', [signature, signature]],
    ['one without a time', signature.replace(/^t=\d+,/, '')],
    ['one cut short', signature.slice(0, -2)],
    ['one that is no hex', `${signature.slice(0, -2)}zz`],
  ])('refuses a missing or misshapen header: %s', (_, header) => {
    expect(verify(header)).toEqual({ valid: false, reason: 'no-signature' });
  });

  it.each([
    'no json',
    '{}',
    JSON.stringify({ ...callback, amount: -5 }),
    JSON.stringify({ ...callback, status: 'pending' }),
  ])('refuses a signed body that is no callback: %s', (raw) => {
    expect(verify(signCallback(secret, raw, sentAtMs), raw)).toEqual({ valid: false, reason: 'malformed' });
  });
});
