import { HttpPaymentProvider } from '../../../src/integrations/payment/http-payment-provider.js';
import type { PaymentRequest } from '../../../src/integrations/payment/port.js';
import { ManualTimers } from './manual-timers.js';
import { apiKey, startWithClient } from './payment-client.js';
import { describePaymentProvider, newChargeId } from './provider-contract.js';
import { type ScriptedServer, startScriptedServer } from './scripted-server.js';

/** Longer than any test: only tests about the time-out meet it. */
const ampleMs = 60_000;

describePaymentProvider('HttpPaymentProvider with the virtual payment system', async () => {
  const timers = new ManualTimers();
  const { system } = await startWithClient({ timers });
  const fireNext = async () => (await timers.next()).fire();
  return {
    provider: new HttpPaymentProvider({ baseUrl: system.url, apiKey, timeoutMs: ampleMs }),
    methods: {
      approved: 'card-approve',
      declined: 'card-decline-stolen',
      pending: 'card-pending',
      lostBefore: 'card-fail-before-commit',
      lostAfter: 'card-timeout-after-commit',
    },
    settlePending: fireNext,
    loseAnswer: fireNext,
    close: () => system.close(),
  };
});

describe('HttpPaymentProvider', () => {
  let server: ScriptedServer;
  let provider: HttpPaymentProvider;
  let request: PaymentRequest;

  beforeEach(async () => {
    server = await startScriptedServer();
    provider = new HttpPaymentProvider({ baseUrl: `${server.url}/base/`, apiKey, timeoutMs: ampleMs });
    request = { idempotencyKey: newChargeId(), amount: 500, paymentMethod: 'card-approve', reference: 'r' };
  });
  afterEach(() => server.close());

  const payment = (fields: Record<string, unknown> = {}) =>
    JSON.stringify({
      paymentId: 'p1',
      idempotencyKey: request.idempotencyKey,
      status: 'approved',
      amount: 500,
      declineReason: null,
      ...fields,
    });

  /** Outcomes of creating and of finding when the payment system answers this. */
  const outcomesOf = async (status: number, body?: string, headers?: Record<string, string>) => {
    const created = provider.createPayment(request);
    (await server.next()).answer(status, body, headers);
    const found = provider.findPayment(request.idempotencyKey);
    (await server.next()).answer(status, body, headers);
    return [await created, await found] as const;
  };

  it('sends the key, the API key and the payment, below the path of its base URL', async () => {
    const created = provider.createPayment({ ...request, callbackUrl: 'http://localhost/c' });
    const received = await server.next();
    received.answer(201, payment());
    await created;
    expect([received.method, received.url]).toEqual(['POST', '/base/payments']);
    expect(received.headers).toMatchObject({
      authorization: `Bearer ${apiKey}`,
      'idempotency-key': request.idempotencyKey,
    });
    expect(JSON.parse(received.body)).toEqual({
      amount: 500,
      paymentMethod: 'card-approve',
      reference: 'r',
      callbackUrl: 'http://localhost/c',
    });
  });

  it('never takes an approval of another amount for one', async () => {
    const [created] = await outcomesOf(200, payment({ amount: 499 }));
    expect(created).toEqual({ kind: 'conflict', reason: 'payment p1 is 499 points instead of 500' });
  });

  it('never takes the payment of another key for its own', async () => {
    const [created, found] = await outcomesOf(200, payment({ idempotencyKey: newChargeId() }));
    expect([created.kind, found.kind]).toEqual(['conflict', 'conflict']);
  });

  it.each([
    ['no JSON', 'approved!'],
    ['an empty body', ''],
    ['an unknown status', '{"status":"maybe"}'],
    ['more than it reads', ' '.repeat(70_000)],
  ])('takes a 200 with %s for unknown', async (_, body) => {
    const [created, found] = await outcomesOf(200, body);
    expect([created.kind, found.kind]).toEqual(['unknown', 'unknown']);
  });

  it.each([401, 403, 404, 409, 429, 500, 503])('takes a bare %i for unknown', async (status) => {
    const [created, found] = await outcomesOf(status);
    const unknown = { kind: 'unknown', reason: `status ${status}` };
    expect([created, found]).toEqual([unknown, unknown]);
  });

  it.each([400, 422])('does not end a charge on a %i the payment system did not explain', async (status) => {
    const [created] = await outcomesOf(status, '<html>proxy</html>');
    expect(created.kind).toBe('unknown');
  });

  it('follows no redirect, which would carry the API key elsewhere', async () => {
    const [created] = await outcomesOf(307, '', { location: `${server.url}/elsewhere` });
    expect(created.kind).toBe('unknown');
    expect(server.unread).toBe(0);
  });

  it('cuts reasons to what an event holds', async () => {
    const [created] = await outcomesOf(200, payment({ status: 'declined', declineReason: 'x'.repeat(500) }));
    expect(created).toEqual({ kind: 'declined', reason: 'x'.repeat(200) });
  });

  it('takes a broken connection, and a server that is not there, for unknown', async () => {
    const created = provider.createPayment(request);
    (await server.next()).hangUp();
    expect((await created).kind).toBe('unknown');
    await server.close();
    expect((await provider.createPayment(request)).kind).toBe('unknown');
  });

  it('takes an answer that does not come in time for unknown', async () => {
    const hasty = new HttpPaymentProvider({ baseUrl: server.url, apiKey, timeoutMs: 20 });
    expect(await hasty.createPayment(request)).toEqual({ kind: 'unknown', reason: 'no answer within 20 ms' });
  });

  it('stops waiting when the caller gives up', async () => {
    const caller = new AbortController();
    const created = provider.createPayment(request, caller.signal);
    await server.next();
    caller.abort();
    expect(await created).toEqual({ kind: 'unknown', reason: 'the caller gave up waiting' });
  });

  it('lets only so many calls go at a time and turns away those that may not even wait', async () => {
    const narrow = new HttpPaymentProvider({
      baseUrl: server.url,
      apiKey,
      timeoutMs: ampleMs,
      maxConcurrent: 1,
      maxQueued: 1,
    });
    const first = narrow.createPayment(request);
    const second = narrow.createPayment(request);
    expect(await narrow.createPayment(request)).toEqual({
      kind: 'unknown',
      reason: '1 running and 1 waiting already',
    });
    const received = await server.next();
    expect(server.unread).toBe(0);
    received.answer(201, payment());
    expect((await first).kind).toBe('approved');
    (await server.next()).answer(200, payment());
    expect((await second).kind).toBe('approved');
  });
});
