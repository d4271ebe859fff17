import { paymentIdSchema } from '../../src/events/ids.js';
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
  const open = await queries.openCharges(minute(19), null, 10);
  expect(open.map(({ id }) => id)).toEqual([charge('second'), charge('first')]);
  const [newest] = await queries.openCharges(minute(19), null, 1);
  expect(newest).toEqual(open[0]);
  expect(await queries.openCharges(minute(19), newest ?? null, 10)).toEqual(open.slice(1));
});

it('lists the charges that need an operator, those waiting longest first, and what became of them', async () => {
  const { history, story } = await richMina();
  const amount = 7;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) {
    const data = { chargeId: charge(name), userId: mina, amount, paymentMethod: 'pm_1' };
    await history.add(streams.charge(data.chargeId), { type: 'ChargeRequested', data });
  }
  const needAttention = async (name: string) => {
    const data = { chargeId: charge(name), userId: mina, amount, reason: `about ${name}` };
    const paymentId = paymentIdSchema.parse(`pay-${name}`);
    await history.add(streams.charge(data.chargeId), {
      type: 'ChargeNeedsAttention',
      data: { ...data, cause: 'payment-unclear', paymentId },
    });
  };
  for (const name of ['d', 'c', 'b', 'a']) await needAttention(name);
  const settle = async (name: string, outcome: 'credited' | 'rejected') =>
    history.add(streams.charge(charge(name)), {
      type: 'ChargeSettled',
      data: { chargeId: charge(name), userId: mina, amount, outcome, reason: 'looked up' },
    });
  await settle('c', 'rejected');
  const { queries } = await asking(history);
  expect(await queries.chargesNeedingAttention()).toBe(3);
  const first = await queries.chargesByStatus('needs-attention', { limit: 2, cursor: null });
  expect(first.items.map(({ chargeId }) => chargeId)).toEqual([charge('d'), charge('b')]);
  expect(first.items[0]).toMatchObject({
    status: 'needs-attention',
    paymentId: 'pay-d',
    attention: { cause: 'payment-unclear', reason: 'about d' },
    settleReason: null,
  });
  const second = await queries.chargesByStatus('needs-attention', { limit: 2, cursor: first.nextCursor });
  expect(second).toMatchObject({ items: [{ chargeId: charge('a') }], nextCursor: null });
  const declined = await queries.chargesByStatus('declined', firstPage);
  expect(declined.items).toMatchObject([{ chargeId: charge('c'), settleReason: 'looked up' }]);
  expect(await queries.charge(mina, charge('a'))).toMatchObject({ status: 'needs-attention' });
  // Neither is asked for again, and the first keeps the account from being erased.
  expect(await queries.openCharges(minute(99), null, 10)).toMatchObject([{ id: charge('e') }]);
  expect(await queries.unfinishedBusiness(mina, minute(0))).toEqual(['charges']);
  await settle('d', 'credited');
  await story.credit(mina, charge('d'), amount, 507);
  const { queries: later } = await asking(history);
  expect((await later.chargesByStatus('credited', { limit: 10, cursor: null })).items.at(-1)).toMatchObject({
    chargeId: charge('d'),
    status: 'credited',
  });
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
