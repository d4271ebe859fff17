import { orderFrom } from '../../src/api/controllers/orders.controller.js';
import { preferredLanguage } from '../../src/api/request.js';
import type { Position } from '../../src/event-store/port.js';
import {
  holdIdSchema,
  orderIdSchema,
  paymentIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
} from '../../src/events/ids.js';
import { reservationIdOf } from '../../src/projections/orders.js';
import { ReadModelsUnavailable } from '../../src/queries/database.js';
import { InvalidCursor } from '../../src/queries/paging.js';
import type { UserReply } from '../../src/queries/replies/account.js';
import {
  type ApiUnderTest,
  noRateLimits,
  performanceId,
  scheduleId,
  startApi,
  tokenId,
  userId,
} from './api-under-test.js';

const at = toInstant(0);
const me: UserReply = { userId, loginId: 'fan', username: 'F', name: 'Fan', createdAt: at, updatedAt: at };
const orderId = orderIdSchema.parse('88888888-8888-4888-8888-888888888888');
const item = {
  scheduleId: scheduleIdSchema.parse(scheduleId),
  seatId: seatIdSchema.parse('A-1'),
  holdId: holdIdSchema.parse('99999999-9999-4999-8999-999999999999'),
  price: 9,
  sold: null,
};
const paid = {
  kind: 'paid',
  orderId,
  userId,
  tokenId,
  performanceId,
  items: [item],
  total: 9,
  paymentId: paymentIdSchema.parse('pay-1'),
  refunds: [],
} as const;

describe('reading your writes', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await startApi({ reads: { user: async () => me } });
  });
  afterEach(() => api.app.close());

  const read = (position: string) =>
    api.app.inject({ url: '/v1/me', headers: { ...api.accessHeaders(), 'x-wait-for-position': position } });

  it('answers at once when the read models are there', async () => {
    expect((await read('1000000')).json()).toEqual(me);
    expect(api.position.waited).toEqual([]);
  });

  it('waits, bounded, and says so when they are not', async () => {
    const reply = await read('1000001');
    expect(api.position.waited).toEqual([{ position: 1_000_001, timeoutMs: 2_000 }]);
    expect(reply.json()).toMatchObject({ code: 'read-model-behind', status: 503 });
    expect(reply.headers['retry-after']).toBe('1');
  });

  it('refuses what is no position', async () => {
    expect((await read('soon')).json()).toMatchObject({
      code: 'validation-failed',
      errors: [{ field: 'X-Wait-For-Position' }],
    });
  });

  it('does not wait for somebody who is not logged in', async () => {
    await api.app.inject({ url: '/v1/me', headers: { 'x-wait-for-position': '1000001' } });
    expect(api.position.waited).toEqual([]);
  });
});

describe('the reply to paying', () => {
  const pay = (api: ApiUnderTest) =>
    api.app.inject({ method: 'POST', url: '/v1/orders', headers: api.fanHeaders(), payload: {} });

  it('is the order as the read models know it', async () => {
    const order = { ...orderFrom(paid, at), failureReason: 'as read' };
    const api = await startApi({ reads: { order: async () => order } });
    api.commands.handler = () => ({ order: paid, position: 12 });
    expect((await pay(api)).json()).toEqual({ ...order, position: 12 });
    await api.app.close();
  });

  it('is made from the result of the command when they are late', async () => {
    const api = await startApi({ reads: { order: async () => null } });
    api.position.at = 3 as Position; // a position of this test's own log
    api.commands.handler = () => ({ order: paid, position: 12 });
    const reply = await pay(api);
    expect(reply.statusCode).toBe(201);
    expect(reply.json()).toMatchObject({
      orderId,
      orderStatus: 'paid',
      totalAmount: 9,
      payment: { amount: 9, points: [{ userId, amount: 9 }] },
      reservations: [{ reservationId: reservationIdOf(orderId, item.scheduleId, item.seatId) }],
      position: 12,
    });
    await api.app.close();
  });
});

describe('while the database of the read models does not answer', () => {
  const away = async () => {
    throw new ReadModelsUnavailable(new Error('connect ECONNREFUSED'));
  };
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await startApi({ reads: { user: away, order: away } });
  });
  afterEach(() => api.app.close());

  it('a read says so, and when to ask again', async () => {
    const reply = await api.app.inject({ url: '/v1/me', headers: api.accessHeaders() });
    expect(reply.json()).toMatchObject({ code: 'unavailable', status: 503 });
    expect(reply.headers['retry-after']).toBe('1');
  });

  it('a payment that went through is answered without it', async () => {
    api.commands.handler = () => ({ order: paid, position: 12 });
    const headers = api.fanHeaders();
    const reply = await api.app.inject({ method: 'POST', url: '/v1/orders', headers, payload: {} });
    expect(reply.statusCode).toBe(201);
    expect(reply.json()).toMatchObject({ orderId, orderStatus: 'paid', position: 12 });
  });
});

describe('paging', () => {
  it('refuses limits out of bounds and foreign cursors by name', async () => {
    const orders = async () => {
      throw new InvalidCursor();
    };
    const api = await startApi({ reads: { orders } });
    const headers = api.accessHeaders();
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['cursor=abc', 'cursor'],
      ['page=2', 'page'],
    ]) {
      const reply = await api.app.inject({ url: `/v1/orders?${query}`, headers });
      expect(reply.json()).toMatchObject({ code: 'validation-failed', errors: [{ field }] });
    }
    await api.app.close();
  });
});

describe('rate limits', () => {
  it('hold for log-ins of one account and commands of one fan', async () => {
    const rateLimits = { ...noRateLimits, passwordsPerMinuteOfAccount: 1, commandsPerMinute: 1 };
    const api = await startApi({ settings: { rateLimits } });
    api.commands.handler = () => ({ userId, access: {}, refresh: {}, position: 1 });
    const login = () =>
      api.app.inject({ method: 'POST', url: '/v1/auth/login', payload: { loginId: 'a', password: 'b' } });
    expect((await login()).statusCode).toBe(200);
    const refused = await login();
    expect(refused.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
    expect(refused.headers['retry-after']).toBe('60');
    const release = () =>
      api.app.inject({ method: 'DELETE', url: `/v1/holds/${item.holdId}`, headers: api.fanHeaders() });
    expect((await release()).statusCode).toBe(200);
    expect((await release()).statusCode).toBe(429);
    await api.app.close();
  });
});

describe('languages', () => {
  it.each([
    [undefined, null],
    ['fr, de', null],
    ['ko-KR,ko;q=0.9,en;q=0.8', 'ko'],
    ['en;q=0.5, ko;q=0.4', 'en'],
    ['fr, ko;q=0.2', 'ko'],
    ['ko;q=0', null],
  ])('%s → %s', (header, language) => {
    expect(preferredLanguage(header)).toBe(language);
  });
});
