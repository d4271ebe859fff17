import {
  CancelPerformance,
  CancelSchedule,
  OpenRefundWindow,
} from '../../src/commands/catalog/cancel-schedule.js';
import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { SettleCancellation } from '../../src/commands/orders/settle-cancellation.js';
import { EnterService } from '../../src/commands/queue/enter-and-leave.js';
import { scheduleDecider } from '../../src/domain/catalog.js';
import { addMs, type Instant, orderIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { contradictions, readBooks } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { crashingStore } from './crashing-store.js';
import {
  freshContext,
  hold,
  inside,
  letIn,
  openTheatre,
  outcomeOf,
  performanceId,
  queued,
  scheduleId,
  seats,
  startsAt,
} from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs: 60_000 } });
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const cancelDate = (on = side) =>
  on.execute(new CancelSchedule(scheduleId, 'the singer is ill', freshContext()));
const settle = (on = side) => on.execute(new SettleCancellation(scheduleId, freshContext()));
const pay = (queueToken: Awaited<ReturnType<typeof inside>>) =>
  side.execute(new Pay(queueToken, {}, freshContext()));
const balances = async () =>
  Object.fromEntries(
    [...(await readBooks(side.store)).wallets].map(([name, { balance }]) => [name, balance]),
  );
const dateIn = async (on = side) =>
  (await on.repository.load(scheduleDecider, streams.schedule(scheduleId))).state.cancellation;

it('sells nothing on a cancelled date: no new hold, and no payment for an older one', async () => {
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1'));
  await cancelDate();
  expect(await outcomeOf(hold(side, mina, seats('A-2')))).toBe('not-on-sale');
  expect(await outcomeOf(pay(mina))).toBe('not-on-sale');
  expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
});

it('takes no payment once the performance has begun', async () => {
  side.clock.moveTo(startsAt as Instant, -30_000); // a literal of exactly that form
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1'));
  side.clock.advance(30_000);
  expect(await outcomeOf(pay(mina))).toBe('not-on-sale');
  expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
});

it('sells nothing after the organiser’s end of the sale: nobody joins, is let in or holds a seat', async () => {
  const closesAt = addMs(side.clock.now(), 30_000);
  await openTheatre(side, { sales: { holdTtlMs: 60_000, closesAt } });
  side.clock.advance(side.settings.catalogMaxAgeMs + 1);
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1'));
  const jun = await queued(side, 'jun');
  side.clock.moveTo(closesAt);
  await letIn(side);
  expect(await outcomeOf(side.execute(new EnterService(jun, freshContext())))).toBe('token-waiting');
  expect(await outcomeOf(queued(side, 'sora'))).toBe('not-on-sale');
  expect(await outcomeOf(hold(side, mina, seats('A-2')))).toBe('not-on-sale');
  expect((await pay(mina)).order.kind).toBe('paid');
});

it('ends the holds and refunds the orders of a cancelled date, once, and says so', async () => {
  const [mina, jun] = [await inside(side, 'mina', 1000), await inside(side, 'jun', 1000)];
  await hold(side, mina, seats('A-1', 'A-2'));
  const { order } = await pay(mina);
  await hold(side, jun, seats('B-1'));
  expect(await settle()).toMatchObject({ isSettled: false, refundedOrders: 0 });
  await cancelDate();
  expect(await settle()).toEqual({
    isSettled: true,
    endedHolds: 1,
    refundedOrders: 1,
    refundedSeats: 2,
    points: 200,
  });
  expect(await dateIn()).toEqual({ reason: 'the singer is ill', isSettled: true });
  expect(await settle()).toMatchObject({ isSettled: true, refundedOrders: 0, points: 0 });
  await side.execute(new CancelOrder(mina.userId, order.orderId, undefined, freshContext()));
  expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000, [`wallet-${jun.userId}`]: 1000 });
});

it('refunds an order that was left in the middle of its payment', async () => {
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1'));
  const crashing = restarted(side, { store: crashingStore(side.store, 2, 'after').store });
  await expect(crashing.execute(new Pay(mina, {}, freshContext()))).rejects.toThrow('died');
  await cancelDate();
  await settle();
  expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
});

it('continues after a crash anywhere, and gives nothing back twice', async () => {
  const fans = [];
  for (const [name, seatName] of [
    ['mina', 'A-1'],
    ['jun', 'A-2'],
    ['sora', 'B-1'],
  ] as const) {
    const fan = await inside(side, name, 1000);
    await hold(side, fan, seats(seatName));
    await pay(fan);
    fans.push(fan);
  }
  await cancelDate();
  // Each run dies a little later than the one before, in turns before and after the append.
  let crashes = 0;
  for (let run = 0; !(await dateIn(restarted(side)))?.isSettled; run++) {
    if (run > 100) throw new Error('it never ends');
    const { store } = crashingStore(side.store, run % 5, run % 2 === 0 ? 'before' : 'after');
    const isOver = await settle(restarted(side, { store })).then(
      ({ isSettled }) => isSettled,
      () => false,
    );
    if (!isOver) crashes++;
  }
  expect(crashes).toBeGreaterThan(3);
  // Points and seats are back; recovery closes the orders whose last event a crash prevented.
  for (const name of (await readBooks(side.store)).orders.keys()) {
    const orderId = orderIdSchema.parse(name.slice('order-'.length));
    await side.execute(new AdvanceCheckout(orderId, freshContext()));
  }
  expect(await balances()).toEqual(Object.fromEntries(fans.map(({ userId }) => [`wallet-${userId}`, 1000])));
});

it('cancels every date of a performance that is to come', async () => {
  const result = await side.execute(new CancelPerformance(performanceId, 'the tour is off', freshContext()));
  expect(result.scheduleIds).toEqual([scheduleId]);
  expect(await dateIn()).toEqual({ reason: 'the tour is off', isSettled: false });
});

it('lets fans give tickets back in a refund window after their deadline', async () => {
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1'));
  const { order } = await pay(mina);
  const begun = startsAt as Instant; // a literal of exactly that form
  side.clock.moveTo(begun, 1_000);
  const cancel = () =>
    outcomeOf(side.execute(new CancelOrder(mina.userId, order.orderId, undefined, freshContext())));
  expect(await cancel()).toBe('order-not-cancellable');
  await side.execute(new OpenRefundWindow(scheduleId, addMs(begun, 60_000), undefined, freshContext()));
  // Commands may know the catalog of a moment ago.
  side.clock.advance(side.settings.catalogMaxAgeMs + 1);
  expect(await cancel()).toMatchObject({ order: { kind: 'closed' } });
  expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
});
