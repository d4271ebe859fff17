import { streams } from '../../src/events/streams.js';
import { InvalidCursor } from '../../src/queries/paging.js';
import type { Queries } from '../../src/queries/queries.js';
import { closeAll, History, minute } from '../projections/history.js';
import { charge, joon, mina, Story } from '../projections/story.js';
import { asking, firstPage } from './asking.js';

afterEach(closeAll);

async function richMina() {
  const history = new History();
  const story = new Story(history);
  await story.register(mina, 'Kim');
  for (let n = 1; n <= 5; n++) await story.charge(mina, charge(`c${n}`), 100, 100 * n);
  return { history, story };
}

it('answers who a fan is, and null for a stranger', async () => {
  const { queries } = await asking((await richMina()).history);
  expect(await queries.user(mina)).toEqual({
    userId: mina,
    loginId: 'kim',
    username: 'Kim!',
    name: 'Kim',
    createdAt: minute(0),
    updatedAt: minute(0),
  });
  expect(await queries.user(joon)).toBeNull();
});

it('answers the balance', async () => {
  const { queries } = await asking((await richMina()).history);
  expect(await queries.wallet(mina)).toEqual({
    userId: mina,
    balance: 500,
    createdAt: minute(0),
    updatedAt: minute(15),
  });
  expect(await queries.wallet(joon)).toBeNull();
});

it('pages through the history, newest first, without gap or repeat', async () => {
  const { queries } = await asking((await richMina()).history);
  const balances: number[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Queries['walletHistory']>> = await queries.walletHistory(mina, {
      limit: 2,
      cursor,
    });
    expect(page.items.length).toBeLessThanOrEqual(2);
    balances.push(...page.items.map((entry) => entry.balance));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(balances).toEqual([500, 400, 300, 200, 100]);
});

it('describes an entry of the history', async () => {
  const { queries } = await asking((await richMina()).history);
  const { items, nextCursor } = await queries.walletHistory(mina, firstPage);
  expect(nextCursor).toBeNull();
  expect(items[0]).toEqual({
    kind: 'charged',
    amount: 100,
    balance: 500,
    chargeId: charge('c5'),
    orderId: null,
    at: minute(15),
    position: 16,
  });
});

it('refuses a cursor it never gave', async () => {
  const { queries } = await asking(new History());
  for (const cursor of ['', '!', Buffer.from('["x"]').toString('base64url')]) {
    await expect(queries.walletHistory(mina, { limit: 1, cursor })).rejects.toThrow(InvalidCursor);
  }
});

it('answers how a charge stands', async () => {
  const { history } = await richMina();
  const data = { chargeId: charge('open'), userId: mina, amount: 7, paymentMethod: 'pm_1' };
  await history.add(streams.charge(data.chargeId), { type: 'ChargeRequested', data });
  const { queries } = await asking(history);
  expect(await queries.charge(mina, charge('c1'))).toMatchObject({
    status: 'credited',
    amount: 100,
    userId: mina,
  });
  expect(await queries.charge(mina, charge('open'))).toEqual({
    chargeId: charge('open'),
    userId: mina,
    amount: 7,
    status: 'pending',
    paymentId: null,
    declineReason: null,
    createdAt: minute(16),
    updatedAt: minute(16),
  });
  expect(await queries.charge(mina, charge('none'))).toBeNull();
  expect(await queries.charge(joon, charge('c1'))).toBeNull();
});

it('lists the charges still open that nobody has touched for a while', async () => {
  const { history } = await richMina();
  const request = { userId: mina, amount: 7, paymentMethod: 'pm_1' };
  for (const name of ['first', 'refused', 'second', 'fresh']) {
    const data = { ...request, chargeId: charge(name) };
    await history.add(streams.charge(data.chargeId), { type: 'ChargeRequested', data });
  }
  const declined = { chargeId: charge('refused'), userId: mina, amount: 7, reason: 'no' };
  await history.add(streams.charge(declined.chargeId), { type: 'ChargeDeclined', data: declined });
  const { queries } = await asking(history);
  expect(await queries.openCharges(minute(19), 10)).toEqual([charge('first'), charge('second')]);
  expect(await queries.openCharges(minute(99), 1)).toHaveLength(1);
});

it('tells what a fan still has going, and what not any more', async () => {
  const { history, story } = await richMina();
  const business = async (now = minute(0), userId = mina) => {
    const { queries } = await asking(history);
    return queries.unfinishedBusiness(userId, now);
  };
  expect(await business()).toEqual([]);
  await story.concert();
  await story.queue(mina);
  await story.open(0);
  await story.admit(0, 1);
  await story.enter(mina, 0);
  await story.hold(mina, 'A-1', 'hold');
  const data = { chargeId: charge('open'), userId: mina, amount: 7, paymentMethod: 'pm_1' };
  await history.add(streams.charge(data.chargeId), { type: 'ChargeRequested', data });
  expect(await business()).toEqual(['holds', 'charges']);
  expect(await business(minute(100_000))).toEqual(['charges']);
  await story.place(mina, 'order', 'hold', ['A-1']);
  expect(await business()).toEqual(['holds', 'orders', 'charges']);
  await story.reserve(mina, 'A-1', 'hold', 'order');
  await story.paid(mina, 'order', 150);
  expect(await business()).toEqual(['charges', 'tickets']);
  expect(await business(minute(100_000_000))).toEqual(['charges']);
  expect(await business(minute(0), joon)).toEqual([]);
});
