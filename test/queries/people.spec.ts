import { streams } from '../../src/events/streams.js';
import { getCharge } from '../../src/queries/get-charge.js';
import { getUser } from '../../src/queries/get-user.js';
import { getWallet } from '../../src/queries/get-wallet.js';
import { listWalletHistory } from '../../src/queries/list-wallet-history.js';
import { InvalidCursor } from '../../src/queries/paging.js';
import { queryPorts } from '../../src/queries/query-ports.js';
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
  const { context } = await asking((await richMina()).history);
  expect(await getUser(context, mina)).toEqual({
    userId: mina,
    loginId: 'kim',
    username: 'Kim!',
    name: 'Kim',
    createdAt: minute(0),
    updatedAt: minute(0),
  });
  expect(await getUser(context, joon)).toBeNull();
});

it('answers the balance', async () => {
  const { context } = await asking((await richMina()).history);
  expect(await getWallet(context, mina)).toEqual({
    userId: mina,
    balance: 500,
    createdAt: minute(0),
    updatedAt: minute(15),
  });
  expect(await getWallet(context, joon)).toBeNull();
});

it('pages through the history, newest first, without gap or repeat', async () => {
  const { context } = await asking((await richMina()).history);
  const balances: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await listWalletHistory(context, mina, { limit: 2, cursor });
    expect(page.items.length).toBeLessThanOrEqual(2);
    balances.push(...page.items.map((entry) => entry.balance));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(balances).toEqual([500, 400, 300, 200, 100]);
});

it('describes an entry of the history', async () => {
  const { context } = await asking((await richMina()).history);
  const { items, nextCursor } = await listWalletHistory(context, mina, firstPage);
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
  const { context } = await asking(new History());
  for (const cursor of ['', '!', Buffer.from('["x"]').toString('base64url')]) {
    await expect(listWalletHistory(context, mina, { limit: 1, cursor })).rejects.toThrow(InvalidCursor);
  }
});

it('answers how a charge stands', async () => {
  const { history } = await richMina();
  const data = { chargeId: charge('open'), userId: mina, amount: 7, paymentMethod: 'pm_1' };
  await history.add(streams.charge(data.chargeId), { type: 'ChargeRequested', data });
  const { context } = await asking(history);
  expect(await getCharge(context, charge('c1'))).toMatchObject({
    status: 'credited',
    amount: 100,
    userId: mina,
  });
  expect(await getCharge(context, charge('open'))).toEqual({
    chargeId: charge('open'),
    userId: mina,
    amount: 7,
    status: 'pending',
    paymentId: null,
    declineReason: null,
    createdAt: minute(16),
    updatedAt: minute(16),
  });
  expect(await getCharge(context, charge('none'))).toBeNull();
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
  const { models } = await asking(history);
  const ports = queryPorts(models.read);
  expect(await ports.openCharges(minute(19), 10)).toEqual([
    { chargeId: charge('first'), userId: mina, status: 'requested', updatedAt: minute(16) },
    { chargeId: charge('second'), userId: mina, status: 'requested', updatedAt: minute(18) },
  ]);
  expect(await ports.openCharges(minute(99), 1)).toHaveLength(1);
});

it('tells what a fan still has going, and what not any more', async () => {
  const { history, story } = await richMina();
  const business = async (now = minute(0), userId = mina) => {
    const { models } = await asking(history);
    return queryPorts(models.read).unfinishedBusiness(userId, now);
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
