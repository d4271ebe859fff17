import {
  type HoldId,
  type OrderId,
  type ScheduleId,
  seatIdSchema,
  type TokenId,
  toInstant,
} from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { performanceId as hallPerformance, publishHall } from '../analysis/history/hall.js';
import { History, id } from '../projections/history.js';
import { type ApiUnderTest, adminKey, startApi, strangerId, userId } from './api-under-test.js';

const scheduleId = id<ScheduleId>('first night');
const orderId = id<OrderId>('order');
const holdId = id<HoldId>('hold');
const tokenId = id<TokenId>('token');
const seatId = seatIdSchema.parse('A-1');
const token = { tokenId, userId, performanceId: hallPerformance };
const operator = { authorization: `Bearer ${adminKey}` };

/** The clock of the API under test says 09:00. */
const at = (time: string) => toInstant(Date.parse(`2026-11-22T${time}Z`));

const orderHistory = `/v1/orders/${orderId}/history`;
const seatHistory = `/v1/schedules/${scheduleId}/seats/A-1/history`;
const turnHistory = `/v1/performances/${hallPerformance}/queue-tokens/${tokenId}/history`;

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
  const history = new History(api.store);
  await publishHall(history, [scheduleId], at('08:00:00'));
  const person = { userId, loginId: 'minji', username: 'Minji', name: 'Kim', passwordHash: 'x' };
  await history.add(streams.user(userId), { type: 'UserRegistered', data: person }, at('08:10:00'));
  const requested = { ...token, entry: 0, numberOfTickets: 1, seatLimit: 4 };
  await history.add(streams.token(tokenId), { type: 'TokenRequested', data: requested }, at('08:20:00'));
  const numbered = { ...token, numberOfTickets: 1 };
  await history.add(streams.queue(hallPerformance), { type: 'TokenIssued', data: numbered }, at('08:20:01'));
  const hold = { scheduleId, seatId, holdId, userId, tokenId, price: 100, expiresAt: at('08:35:00') };
  await history.add(streams.seat(scheduleId, seatId), { type: 'SeatHeld', data: hold }, at('08:30:00'));
  const items = [{ scheduleId, seatId, holdId, price: 100, sold: null }];
  const placed = { orderId, ...token, items, total: 100 };
  await history.add(streams.order(orderId), { type: 'OrderPlaced', data: placed }, at('08:31:00'));
  const failed = { orderId, userId, reason: 'insufficient-points' as const };
  await history.add(streams.order(orderId), { type: 'OrderFailed', data: failed }, at('08:31:01'));
});
afterAll(() => api.app.close());

async function get(url: string, headers: Record<string, string> = {}) {
  const reply = await api.app.inject({ url, headers });
  return { status: reply.statusCode, body: reply.json() };
}

describe('a history', () => {
  it.each([orderHistory, seatHistory, turnHistory])('%s asks who is there', async (url) => {
    expect(await get(url)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    const wrong = { authorization: `Bearer ${adminKey}x` };
    expect(await get(url, wrong)).toMatchObject({ status: 401 });
  });

  it.each([
    [orderHistory, 'order-unknown', orderHistory.replace(orderId, id('another'))],
    [turnHistory, 'token-unknown', turnHistory.replace(tokenId, id('another'))],
  ])('%s of somebody else is as unknown as one that does not exist', async (url, code, missing) => {
    const stranger = api.accessHeaders(strangerId);
    const theirs = await get(url, stranger);
    expect(theirs).toMatchObject({ status: 404, body: { code } });
    const { instance: _, requestId: __, ...words } = theirs.body;
    expect((await get(missing, stranger)).body).toMatchObject(words);
    expect(await get(url, operator)).toMatchObject({ status: 200, body: { items: [{ who: userId }, {}] } });
  });

  it('is told to its fan in the language asked for', async () => {
    const headers = api.accessHeaders();
    const english = await get(orderHistory, headers);
    expect(english.body).toMatchObject({
      summary:
        'The payment failed: the order cost 100 points and the wallet held 0. Charge 100 more and pay again.',
      items: [{ type: 'OrderFailed', revision: 1, actor: 'anonymous', who: 'you' }, { type: 'OrderPlaced' }],
      nextCursor: null,
    });
    const korean = await get(orderHistory, { ...headers, 'accept-language': 'ko-KR' });
    expect(korean.body.summary).toMatch(/^결제 실패/);
  });

  it('links to the histories that say more', async () => {
    const { body } = await get(orderHistory, api.accessHeaders());
    const hrefs = body.items[1].links.map(({ href }: { href: string }) => href);
    expect(hrefs).toEqual([turnHistory, seatHistory]);
    for (const href of hrefs) expect(await get(href, api.accessHeaders())).toMatchObject({ status: 200 });
  });

  it('comes in pages, newest first', async () => {
    const headers = api.accessHeaders();
    const first = await get(`${turnHistory}?limit=1`, headers);
    expect(first.body.items).toMatchObject([{ type: 'TokenIssued', stream: `queue-${hallPerformance}` }]);
    const second = await get(`${turnHistory}?limit=1&cursor=${first.body.nextCursor}`, headers);
    expect(second.body).toMatchObject({ items: [{ type: 'TokenRequested' }], nextCursor: null });
  });

  it('of a seat shows a stranger that somebody had it, not who', async () => {
    const { body } = await get(seatHistory, api.accessHeaders(strangerId));
    expect(body).toMatchObject({
      summary: 'The seat is free.',
      items: [{ who: 'another person', links: [] }],
    });
    expect(JSON.stringify(body)).not.toContain(userId);
    const nowhere = await get(seatHistory.replace('A-1', 'Z-9'), api.accessHeaders());
    expect(nowhere).toMatchObject({ status: 404, body: { code: 'seat-unknown' } });
  });
});

describe('a moment of the past', () => {
  const seats = `/v1/schedules/${scheduleId}/seats`;
  const statusAt = async (moment: string) => {
    const { body } = await get(`${seats}?at=${moment}`);
    return body.sections[0].rows[0].seats[0].status;
  };

  it('is a time, with a hold free again at its deadline', async () => {
    expect(await statusAt('2026-11-22T08:29:59.999Z')).toBe('free');
    expect(await statusAt('2026-11-22T17:30:00%2B09:00')).toBe('held');
    expect(await statusAt('2026-11-22T08:34:59.999Z')).toBe('held');
    expect(await statusAt('2026-11-22T08:35:00Z')).toBe('free');
  });

  it('or a position, and the reply says which', async () => {
    const { body } = await get(`${seats}?at=2026-11-22T08:30:00Z`);
    expect(body.asOf).toEqual({ position: body.position, at: at('08:30:00') });
    expect(await statusAt(String(body.position))).toBe('held');
    expect(await statusAt(String(body.position - 1))).toBe('free');
    const live = await get(`/v1/wallet?at=${body.position}`, api.accessHeaders());
    expect(live.body).toMatchObject({ balance: 0, asOf: { at: at('08:10:00') } });
  });

  it.each(['soon', '', '-1', '1.5', '2026-11-22', '2026-11-22T08:30:00', '2026-13-22T08:30:00Z'])(
    'is not %p',
    async (moment) => {
      expect(await get(`${seats}?at=${moment}`)).toMatchObject({
        status: 400,
        body: { code: 'validation-failed', errors: [{ field: 'at' }] },
      });
    },
  );

  it.each(['2026-11-22T09:00:00.001Z', '999999'])('is not %s, which is still to come', async (moment) => {
    expect(await get(`${seats}?at=${moment}`)).toMatchObject({
      status: 400,
      body: {
        code: 'validation-failed',
        errors: [{ field: 'at' }],
        detail: expect.stringMatching(/^Ask for/),
      },
    });
  });

  it.each([
    [seats, '08:00', 'schedule-unknown'],
    [`/v1/performances/${hallPerformance}/queue`, '08:00', 'performance-unknown'],
    ['/v1/wallet', '08:10', 'user-unknown'],
    [`/v1/orders/${orderId}`, '08:31', 'order-unknown'],
  ])('before %s existed is answered with since when it does', async (url, since, code) => {
    const before = await get(`${url}?at=2026-11-22T07:59:59Z`, api.accessHeaders());
    expect(before).toMatchObject({ status: 404, body: { code, since: at(`${since}:00`) } });
    const then = await get(`${url}?at=${before.body.since}`, api.accessHeaders());
    expect(then.status).toBe(200);
  });

  it('shows nobody another fan’s order or wallet', async () => {
    const url = `/v1/orders/${orderId}?at=2026-11-22T08:40:00Z`;
    expect(await get(url, api.accessHeaders(strangerId))).toMatchObject({ body: { code: 'order-unknown' } });
    expect(await get(url, operator)).toMatchObject({ status: 401 });
    expect(await get('/v1/wallet?at=1')).toMatchObject({ status: 401 });
  });
});
