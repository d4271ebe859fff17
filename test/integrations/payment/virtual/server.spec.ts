import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VirtualPaymentSystem } from '../../../../src/integrations/payment/virtual/server.js';
import { paymentSchema } from '../../../../src/integrations/payment/wire.js';
import { ManualTimers } from '../manual-timers.js';
import { apiKey, newKey, PaymentClient, problemBodySchema, startWithClient } from '../payment-client.js';

let system: VirtualPaymentSystem;
let client: PaymentClient;

beforeEach(async () => {
  ({ system, client } = await startWithClient());
});
afterEach(() => system.close());

describe('idempotency', () => {
  it('answers a repeated request with the same payment', async () => {
    const key = newKey();
    const first = await client.pay(key);
    const second = await client.pay(key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
  });

  it.each([
    ['amount', { amount: 101 }],
    ['paymentMethod', { paymentMethod: 'card-duplicate' }],
    ['reference', { reference: 'other' }],
    ['callbackUrl', { callbackUrl: 'http://localhost:9/other' }],
  ])('refuses a key reused with another %s', async (_, change) => {
    const key = newKey();
    await client.pay(key);
    expect(await client.pay(key, change)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
    expect((await client.ledger()).totals.approved).toEqual({ count: 1, amount: 100 });
  });

  it('makes one payment of many concurrent requests with one key', async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.pay(key)));
    expect(new Set(answers.map(({ body }) => paymentSchema.parse(body).paymentId)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await client.ledger()).totals.approved).toEqual({ count: 1, amount: 100 });
  });
});

describe('looking up', () => {
  it('finds a payment by its id and by its key', async () => {
    const key = newKey();
    const { paymentId } = paymentSchema.parse((await client.pay(key)).body);
    expect((await client.call('GET', `/payments/${paymentId}`)).body).toMatchObject({ idempotencyKey: key });
    expect(await client.find(key)).toMatchObject({ paymentId });
  });

  it.each(['/payments/pay_none', '/payments?idempotencyKey=none'])('answers 404 for %s', async (path) => {
    expect(await client.call('GET', path)).toMatchObject({
      status: 404,
      body: { code: 'payment-not-found' },
    });
  });
});

describe('the ledger', () => {
  it('is read page by page, oldest first, with totals of everything', async () => {
    for (const amount of [1, 20, 300]) await client.pay(newKey(), { amount });
    await client.pay(newKey(), { amount: 4000, paymentMethod: 'card-decline-stolen' });
    const first = await client.ledger('?limit=3');
    expect(first.payments.map(({ amount }) => amount)).toEqual([1, 20, 300]);
    const second = await client.ledger(`?limit=3&after=${first.next}`);
    expect(second.payments.map(({ amount }) => amount)).toEqual([4000]);
    expect(second.next).toBeNull();
    expect(second.totals).toEqual({
      approved: { count: 3, amount: 321 },
      declined: { count: 1, amount: 4000 },
      pending: { count: 0, amount: 0 },
    });
  });

  it.each([
    ['limit', '?limit=0'],
    ['limit', '?limit=1001'],
    ['after', '?after=x'],
    ['page', '?page=1'],
  ])('refuses a wrong %s in %s', async (field, query) => {
    const { status, body } = await client.call('GET', `/ledger${query}`);
    expect(status).toBe(400);
    expect(problemBodySchema.parse(body).errors?.[0]?.field).toBe(field);
  });
});

describe('a restart', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'payment-ledger-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('keeps the ledger, its keys, and settles what was pending', async () => {
    const file = join(folder, 'ledger.sqlite');
    const [done, waiting] = [newKey(), newKey()];
    const before = await startWithClient({ file, timers: new ManualTimers() });
    const paid = await before.client.pay(done);
    await before.client.pay(waiting, { paymentMethod: 'card-pending' });
    await before.system.close();

    const after = await startWithClient({ file });
    try {
      expect(await after.client.pay(done)).toEqual({ status: 200, body: paid.body });
      expect((await after.client.pay(done, { amount: 7 })).status).toBe(422);
      expect((await after.client.find(waiting))?.status).toBe('approved');
      expect((await after.client.ledger()).totals.approved).toEqual({ count: 2, amount: 200 });
    } finally {
      await after.system.close();
    }
  });
});

describe('bad requests', () => {
  it.each([
    ['amount', { amount: 0 }],
    ['amount', { amount: 1.5 }],
    ['amount', { amount: '100' }],
    ['paymentMethod', { paymentMethod: '' }],
    ['reference', { reference: 'x'.repeat(201) }],
    ['callbackUrl', { callbackUrl: 'ftp://localhost/' }],
    ['callbackUrl', { callbackUrl: 'http://example.com/callback' }],
    ['currency', { currency: 'KRW' }],
  ])('name the wrong field %s', async (field, fields) => {
    const { status, body } = await client.pay(newKey(), fields);
    expect(status).toBe(400);
    expect(problemBodySchema.parse(body)).toMatchObject({ code: 'invalid-request', errors: [{ field }] });
    expect((await client.ledger()).payments).toEqual([]);
  });

  it('name a missing idempotency key', async () => {
    const body = { amount: 1, paymentMethod: 'card-approve', reference: 'r' };
    expect(await client.call('POST', '/payments', body)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'Idempotency-Key' }] },
    });
  });

  it('are refused when the body is no JSON, or no object', async () => {
    const headers = { 'idempotency-key': newKey() };
    for (const body of ['{', '[]', 'null']) {
      expect(await client.call('POST', '/payments', body, headers)).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'body' }] },
      });
    }
  });

  it('are refused when the body is too large', async () => {
    const answer = await client.pay(newKey(), { reference: 'x'.repeat(20_000) });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body-too-large' } });
  });

  it('are refused as too large without waiting for the rest', async () => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'idempotency-key': newKey(),
      'content-length': 1_000_000,
    };
    const sending = request(`${system.url}/payments`, { method: 'POST', headers });
    const status = await new Promise((resolve, reject) => {
      sending.on('response', (response) => resolve(response.statusCode)).on('error', reject);
      sending.write('x'.repeat(20_000));
    });
    sending.destroy();
    expect(status).toBe(413);
  });

  it.each([
    ['DELETE', '/payments'],
    ['GET', '/nowhere'],
    ['GET', '//'],
  ])('are refused for %s %s', async (method, path) => {
    expect((await client.call(method, path)).status).toBeGreaterThanOrEqual(400);
  });
});

describe('the API key', () => {
  it.each([
    ['POST', '/payments'],
    ['GET', '/payments?idempotencyKey=x'],
    ['GET', '/payments/x'],
    ['GET', '/ledger'],
    ['GET', '/behaviour'],
    ['PUT', '/behaviour'],
  ])('is needed for %s %s', async (method, path) => {
    const stranger = new PaymentClient(system.url, 'wrong');
    expect(await stranger.call(method, path)).toMatchObject({ status: 401, body: { code: 'unauthorised' } });
  });

  it('is not needed to ask whether the server lives', async () => {
    expect(await new PaymentClient(system.url, 'wrong').call('GET', '/health')).toMatchObject({
      status: 200,
    });
  });
});

it('fails to start where something else listens', async () => {
  const port = Number(new URL(system.url).port);
  await expect(startWithClient({ port })).rejects.toThrow('EADDRINUSE');
});

it('closes twice without complaint', async () => {
  await system.close();
  await system.close();
  await expect(client.ledger()).rejects.toThrow();
});
