import type { VirtualPaymentSystem } from '../../../../src/integrations/payment/virtual/server.js';
import { verifyCallback } from '../../../../src/integrations/payment/wire.js';
import { ManualTimers } from '../manual-timers.js';
import { callbackSecret, newKey, type PaymentClient, startWithClient } from '../payment-client.js';
import { type Received, type ScriptedServer, startScriptedServer } from '../scripted-server.js';

let timers: ManualTimers;
let receiver: ScriptedServer;
let system: VirtualPaymentSystem;
let client: PaymentClient;
let log: string[];
let onLog: (message: string) => void;

beforeEach(async () => {
  timers = new ManualTimers();
  log = [];
  onLog = () => undefined;
  receiver = await startScriptedServer();
  ({ system, client } = await startWithClient({
    timers,
    callbackRetryDelaysMs: [10, 20],
    callbackTimeoutMs: 60_000,
    behaviour: { mode: 'approve', delayMs: 700 },
    log: (message) => {
      log.push(message);
      onLog(message);
    },
  }));
});
afterEach(async () => {
  await system.close();
  await receiver.close();
});

const pay = (key: string, fields: Record<string, unknown> = {}) =>
  client.pay(key, { callbackUrl: `${receiver.url}/callback`, ...fields });
const verdict = ({ headers, body }: Received) => verifyCallback(callbackSecret, headers, body, Date.now());

it.each([
  ['card-approve', 'approved'],
  ['card-decline-stolen', 'declined'],
])('reports the final outcome of %s, signed', async (paymentMethod, status) => {
  const key = newKey();
  await pay(key, { paymentMethod });
  const received = await receiver.next();
  received.answer(204);
  expect([received.method, received.url]).toEqual(['POST', '/callback']);
  const payment = await client.find(key);
  expect(verdict(received)).toEqual({
    valid: true,
    callback: { paymentId: payment?.paymentId, idempotencyKey: key, status, amount: 100 },
  });
});

it('reports a payment whose answer was lost', async () => {
  const key = newKey();
  const lost = pay(key, { paymentMethod: 'card-timeout-after-commit' }).catch(() => 'lost');
  const received = await receiver.next();
  received.answer(204);
  expect(verdict(received)).toMatchObject({
    valid: true,
    callback: { idempotencyKey: key, status: 'approved' },
  });
  (await timers.next()).fire();
  expect(await lost).toBe('lost');
});

it('reports a pending payment only when it is settled', async () => {
  await pay(newKey(), { paymentMethod: 'card-pending' });
  const settling = await timers.next();
  expect(receiver.unread).toBe(0);
  settling.fire();
  const received = await receiver.next();
  received.answer(204);
  expect(verdict(received)).toMatchObject({ valid: true, callback: { status: 'approved' } });
});

it.each([
  ['by card', 'card-duplicate', 'approve'],
  ['globally', 'card-approve', 'duplicate-delivery'],
])('delivers twice and late when told to %s', async (_, paymentMethod, mode) => {
  await client.call('PUT', '/behaviour', { mode });
  await pay(newKey(), { paymentMethod });
  const bodies: string[] = [];
  for (const delayMs of [700, 1400]) {
    const late = await timers.next();
    expect(late.delayMs).toBe(delayMs);
    expect(receiver.unread).toBe(0);
    late.fire();
    const received = await receiver.next();
    received.answer(204);
    expect(verdict(received).valid).toBe(true);
    bodies.push(received.body);
  }
  expect(bodies[0]).toBe(bodies[1]);
});

it('tries again after each failure until the receiver takes it', async () => {
  await pay(newKey());
  (await receiver.next()).answer(500);
  const first = await timers.next();
  first.fire();
  (await receiver.next()).hangUp();
  const second = await timers.next();
  second.fire();
  const third = await receiver.next();
  third.answer(200);
  expect([first.delayMs, second.delayMs]).toEqual([10, 20]);
  expect(verdict(third).valid).toBe(true);
});

it('gives up after its last retry and says so', async () => {
  const gaveUp = new Promise<string>((resolve) => {
    onLog = resolve;
  });
  await pay(newKey());
  (await receiver.next()).answer(500);
  for (let retry = 0; retry < 2; retry++) {
    (await timers.next()).fire();
    (await receiver.next()).answer(500);
  }
  expect(await gaveUp).toContain('given up');
  expect(timers.unread).toBe(0);
});

it('follows no redirect', async () => {
  await pay(newKey());
  (await receiver.next()).answer(307, '', { location: `${receiver.url}/elsewhere` });
  expect((await timers.next()).delayMs).toBe(10);
  expect(receiver.unread).toBe(0);
});

it('sends none for a replayed request', async () => {
  const key = newKey();
  await pay(key);
  (await receiver.next()).answer(204);
  expect((await pay(key)).status).toBe(200);
  const other = newKey();
  await pay(other);
  const next = await receiver.next();
  next.answer(204);
  expect(verdict(next)).toMatchObject({ callback: { idempotencyKey: other } });
});

it('stops trying when the system closes', async () => {
  await pay(newKey());
  (await receiver.next()).answer(500);
  const retry = await timers.next();
  await system.close();
  expect(retry.cancelled).toBe(true);
  expect(log).toEqual([]);
});

it('breaks off a callback on the wire when the system closes', async () => {
  await pay(newKey());
  const received = await receiver.next();
  await system.close();
  await received.over;
  expect(log).toEqual([]);
});

it('does not wait for ever for a receiver that does not answer', async () => {
  const hasty = await startWithClient({ timers, callbackRetryDelaysMs: [30], callbackTimeoutMs: 20 });
  try {
    await hasty.client.pay(newKey(), { callbackUrl: receiver.url });
    // On a busy machine the time may be over before the receiver is reached.
    expect((await timers.next()).delayMs).toBe(30);
  } finally {
    await hasty.system.close();
  }
});

it('calls hosts beyond loopback only when they are configured', async () => {
  const open = await startWithClient({ callbackHosts: ['app.internal'], callbackRetryDelaysMs: [] });
  try {
    const allowed = await open.client.pay(newKey(), { callbackUrl: 'http://app.internal/callback' });
    const forbidden = await open.client.pay(newKey(), { callbackUrl: 'http://127.0.0.1.evil.example/' });
    expect([allowed.status, forbidden.status]).toEqual([201, 400]);
  } finally {
    await open.system.close();
  }
});
