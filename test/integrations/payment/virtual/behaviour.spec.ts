import type { VirtualPaymentSystem } from '../../../../src/integrations/payment/virtual/server.js';
import { paymentSchema } from '../../../../src/integrations/payment/wire.js';
import { ManualTimers } from '../manual-timers.js';
import { newKey, type PaymentClient, startWithClient } from '../payment-client.js';

let timers: ManualTimers;
let system: VirtualPaymentSystem;
let client: PaymentClient;

beforeEach(async () => {
  timers = new ManualTimers();
  ({ system, client } = await startWithClient({ timers, behaviour: { mode: 'approve', delayMs: 700 } }));
});
afterEach(() => system.close());

const setMode = (behaviour: Record<string, unknown>) => client.call('PUT', '/behaviour', behaviour);
const statusOf = (body: unknown) => paymentSchema.parse(body).status;

describe.each([
  ['by card', 'card-approve', undefined],
  ['globally', 'card-approve', 'approve'],
])('approving %s', (_, paymentMethod, mode) => {
  it('answers 201 with the approved payment', async () => {
    if (mode) await setMode({ mode });
    const { status, body } = await client.pay(newKey(), { paymentMethod });
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'approved', amount: 100, declineReason: null });
  });
});

describe('declining', () => {
  it.each([
    ['card-decline-insufficient', 'insufficient-funds'],
    ['card-decline-stolen', 'stolen-card'],
    ['card-decline-expired', 'expired-card'],
    ['no-such-card', 'unknown-card'],
  ])('%s is declined for %s', async (paymentMethod, declineReason) => {
    const { status, body } = await client.pay(newKey(), { paymentMethod });
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'declined', declineReason });
  });

  it('globally declines good cards', async () => {
    await setMode({ mode: 'decline' });
    const { body } = await client.pay(newKey());
    expect(body).toMatchObject({ status: 'declined', declineReason: 'declined-by-issuer' });
  });
});

describe.each([
  ['by card', 'card-slow', 'approve'],
  ['globally', 'card-approve', 'delay'],
])('delaying %s', (_, paymentMethod, mode) => {
  it('writes and answers only after the delay', async () => {
    await setMode({ mode });
    const key = newKey();
    const answer = client.pay(key, { paymentMethod });
    const delay = await timers.next();
    expect(delay.delayMs).toBe(700);
    expect(await client.find(key)).toBeUndefined();
    delay.fire();
    expect(await answer).toMatchObject({ status: 201, body: { status: 'approved' } });
  });

  it('makes one payment of two attempts that wait together', async () => {
    await setMode({ mode });
    const key = newKey();
    const answers = [client.pay(key, { paymentMethod }), client.pay(key, { paymentMethod })];
    for (const delay of [await timers.next(), await timers.next()]) delay.fire();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 201]);
    expect((await client.ledger()).payments).toHaveLength(1);
  });

  it('refuses the second of two different requests that wait together', async () => {
    await setMode({ mode });
    const key = newKey();
    const answers = [client.pay(key, { paymentMethod }), client.pay(key, { paymentMethod, amount: 200 })];
    for (const delay of [await timers.next(), await timers.next()]) delay.fire();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([201, 422]);
  });
});

describe.each([
  ['by card', 'card-timeout-after-commit', 'approve'],
  ['globally', 'card-approve', 'timeout-after-commit'],
])('timing out after committing %s', (_, paymentMethod, mode) => {
  it('writes the payment, then breaks the connection; a retry finds it', async () => {
    await setMode({ mode });
    const key = newKey();
    const answer = client.pay(key, { paymentMethod }).catch(() => 'broken');
    const hang = await timers.next();
    expect(hang.delayMs).toBe(700);
    expect((await client.find(key))?.status).toBe('approved');
    hang.fire();
    expect(await answer).toBe('broken');
    expect(await client.pay(key, { paymentMethod })).toMatchObject({
      status: 200,
      body: { status: 'approved' },
    });
    expect((await client.ledger()).payments).toHaveLength(1);
  });
});

describe('failing before committing', () => {
  it('by card: only the first attempt of each key fails, and writes nothing', async () => {
    const paymentMethod = 'card-fail-before-commit';
    const [one, other] = [newKey(), newKey()];
    expect((await client.pay(one, { paymentMethod })).status).toBe(500);
    expect(await client.find(one)).toBeUndefined();
    expect((await client.pay(other, { paymentMethod })).status).toBe(500);
    expect(await client.pay(one, { paymentMethod })).toMatchObject({
      status: 201,
      body: { status: 'approved' },
    });
  });

  it('globally: every attempt fails until the mode changes', async () => {
    const key = newKey();
    await setMode({ mode: 'fail-before-commit' });
    expect((await client.pay(key)).status).toBe(500);
    expect((await client.pay(key)).status).toBe(500);
    expect((await client.ledger()).payments).toEqual([]);
    await setMode({ mode: 'approve' });
    expect((await client.pay(key)).status).toBe(201);
  });
});

describe('pending', () => {
  it.each([
    ['by card', 'card-pending', 'approve'],
    ['globally', 'card-approve', 'pending'],
  ])('%s: answers 202 and approves after the delay', async (_, paymentMethod, mode) => {
    await setMode({ mode });
    const key = newKey();
    const { status, body } = await client.pay(key, { paymentMethod });
    expect([status, statusOf(body)]).toEqual([202, 'pending']);
    expect((await client.pay(key, { paymentMethod })).status).toBe(202);
    (await timers.next()).fire();
    expect((await client.find(key))?.status).toBe('approved');
    expect((await client.pay(key, { paymentMethod })).status).toBe(200);
  });
});

describe('the global mode', () => {
  it('ends after the stated number of requests', async () => {
    expect((await setMode({ mode: 'decline', remaining: 2 })).body).toEqual({
      mode: 'decline',
      delayMs: 700,
      remaining: 2,
    });
    const seen: string[] = [];
    for (let request = 0; request < 3; request++) seen.push(statusOf((await client.pay(newKey())).body));
    expect(seen).toEqual(['declined', 'declined', 'approved']);
    expect((await client.call('GET', '/behaviour')).body).toEqual({
      mode: 'approve',
      delayMs: 700,
      remaining: null,
    });
  });

  it('does not touch keys that have their payment, nor count their retries', async () => {
    const key = newKey();
    await client.pay(key);
    await setMode({ mode: 'fail-before-commit', remaining: 1 });
    expect((await client.pay(key)).status).toBe(200);
    expect((await client.pay(newKey())).status).toBe(500);
  });

  it('keeps its delay until another is given', async () => {
    await setMode({ mode: 'delay', delayMs: 25 });
    expect((await setMode({ mode: 'approve' })).body).toEqual({
      mode: 'approve',
      delayMs: 25,
      remaining: null,
    });
  });

  it.each([
    ['mode', { mode: 'explode' }],
    ['delayMs', { mode: 'delay', delayMs: -1 }],
    ['remaining', { mode: 'delay', remaining: 0 }],
    ['speed', { mode: 'delay', speed: 3 }],
  ])('refuses a wrong %s by name and stays as it was', async (field, behaviour) => {
    expect(await setMode(behaviour)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    expect((await client.call('GET', '/behaviour')).body).toMatchObject({ mode: 'approve' });
  });
});

it('cancels its timers when it closes', async () => {
  await client.pay(newKey(), { paymentMethod: 'card-pending' });
  const settling = await timers.next();
  await system.close();
  expect(settling.cancelled).toBe(true);
});
