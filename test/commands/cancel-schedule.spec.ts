import {
  CancelPerformance,
  CancelSchedule,
  OpenRefundWindow,
} from '../../src/commands/catalog/cancel-schedule.js';
import { CancelOrder, type RefundedItems, RefundOrder } from '../../src/commands/orders/cancel-order.js';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { SettleCancellation } from '../../src/commands/orders/settle-cancellation.js';
import { EnterService } from '../../src/commands/queue/enter-and-leave.js';
import { scheduleDecider } from '../../src/domain/catalog.js';
import type { OrderState } from '../../src/domain/order.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { addMs, type Instant, orderIdSchema } from '../../src/events/ids.js';
import { verifyEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';
import { contradictions, readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died, HookedStore, pausingStore } from './crashing-store.js';
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

it('lets nobody join or in after the end of the sale, also when the read models do not show it yet', async () => {
  const closesAt = addMs(side.clock.now(), 30_000);
  await openTheatre(side, { sales: { closesAt } });
  side.clock.advance(side.settings.catalogMaxAgeMs + 1);
  await inside(side, 'mina');
  const jun = await queued(side, 'jun');
  side.clock.moveTo(closesAt);
  jest.spyOn(side.models, 'sale').mockResolvedValue({ status: 'on-sale', freeSeats: 10, endsAt: null });
  await letIn(side);
  expect(await outcomeOf(side.execute(new EnterService(jun, freshContext())))).toBe('token-waiting');
  expect(await outcomeOf(queued(side, 'sora'))).toBe('not-on-sale');
});

it('ends the holds and refunds the orders of a cancelled date, once, and says so', async () => {
  const [mina, jun] = [await inside(side, 'mina', 1000), await inside(side, 'jun', 1000)];
  await hold(side, mina, seats('A-1', 'A-2'));
  const { order } = await pay(mina);
  await hold(side, jun, seats('B-1', 'B-2'));
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

it('says of each hold that its date was cancelled, and counts it once, in two processes and after a restart', async () => {
  for (const [name, ...held] of [
    ['mina', 'A-1', 'A-2'],
    ['jun', 'B-1'],
    ['sora', 'B-2', 'B-3'],
  ] as const) {
    await hold(side, await inside(side, name), seats(...held));
  }
  await cancelDate();
  const both = await Promise.all([settle(restarted(side)), settle(restarted(side))]);
  expect(both.reduce((sum, { endedHolds }) => sum + endedHolds, 0)).toBe(3);
  expect((await settle(restarted(side))).endedHolds).toBe(0);
  const ends = (await wholeLog(side.store)).map(verifyEvent).flatMap((event) => {
    const isEnd = event.type === 'SeatHoldReleased' || event.type === 'SeatsReturned';
    return isEnd ? [`${event.type} ${event.data.reason}`] : [];
  });
  expect(ends.sort()).toEqual([
    ...Array(5).fill('SeatHoldReleased schedule-cancelled'),
    ...Array(3).fill('SeatsReturned schedule-cancelled'),
  ]);
});

it('refuses the payment of a hold that its cancelled date has ended', async () => {
  const mina = await inside(side, 'mina', 1000);
  const { holdId } = await hold(side, mina, seats('A-1'));
  await cancelDate();
  await settle();
  for (const input of [{ holdIds: [holdId] }, {}]) {
    expect(await outcomeOf(side.execute(new Pay(mina, input, freshContext())))).toBe('not-on-sale');
  }
});

describe('an order whose date is cancelled while it is paid', () => {
  /** The order, brought to its end as the recovery does; undefined when it was never placed. */
  const endOf = async (): Promise<Exclude<OrderState, { kind: 'none' }> | undefined> => {
    const [name] = (await readBooks(side.store)).orders.keys();
    if (name === undefined) return undefined;
    const orderId = orderIdSchema.parse(name.slice('order-'.length));
    return (await restarted(side).execute(new AdvanceCheckout(orderId, freshContext()))).order;
  };
  const notOnSale = { kind: 'closed', cause: { kind: 'failed', reason: 'not-on-sale' } };
  const refunded = { kind: 'closed', cause: { kind: 'cancelled', by: 'schedule-cancelled' } };

  async function opened() {
    side = createCommandSide();
    await openTheatre(side, { sales: { holdTtlMs: 60_000 } });
    const mina = await inside(side, 'mina', 1000);
    await hold(side, mina, seats('A-1', 'A-2'));
    return mina;
  }

  it('fails as not on sale when a crash left it open, and is not paid by the recovery', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      const mina = await opened();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(restarted(side, { store }).execute(new Pay(mina, {}, freshContext())));
      await cancelDate();
      const wasPaid = (await wholeLog(side.store)).some(({ type }) => type === 'OrderPaid');
      const order = await endOf();
      if (!wasPaid && order) expect(order).toMatchObject(notOnSale);
      await settle(restarted(side));
      if (wasPaid) expect(await endOf()).toMatchObject(refunded);
      expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
      expect(await contradictions(side.store)).toEqual([]);
      return isDead;
    });
    // OrderPlaced, PointsSpent, two SeatReserved, OrderPaid, TokenCompleted.
    expect(tried).toBe(12);
  });

  it('has nothing left for the date when it failed, and an operator cannot refund it', async () => {
    await opened();
    const mina = await inside(side, 'jun', 1000);
    await hold(side, mina, seats('B-1'));
    const { store } = crashingStore(side.store, 0, 'after');
    await died(restarted(side, { store }).execute(new Pay(mina, {}, freshContext())));
    await cancelDate();
    const failed = await endOf();
    expect(failed).toMatchObject(notOnSale);
    if (!failed) throw new Error('the order was not placed');
    const { orderId } = failed;
    const refund = (which: RefundedItems) =>
      outcomeOf(side.execute(new RefundOrder({ orderId, which, cause: 'operator' }, freshContext())));
    expect(await refund({ kind: 'schedule', scheduleId })).toMatchObject({ refunded: [] });
    expect(await refund({ kind: 'all' })).toBe('order-not-cancellable');
  });

  it('fails as not on sale or is refunded, wherever its payment waits while the date is settled', async () => {
    let waits = 0;
    for (const when of ['before', 'after'] as const) {
      for (let pauseAt = 0; ; pauseAt++) {
        const mina = await opened();
        const { store, paused, goOn } = pausingStore(side.store, pauseAt, when);
        const paying = outcomeOf(restarted(side, { store }).execute(new Pay(mina, {}, freshContext())));
        const first = await Promise.race([paused, paying]);
        await cancelDate();
        await settle(restarted(side));
        goOn();
        await paying;
        await settle(restarted(side));
        const order = await endOf();
        if (order) expect([notOnSale, refunded]).toContainEqual(endsLike(order));
        expect(await balances()).toEqual({ [`wallet-${mina.userId}`]: 1000 });
        expect(await contradictions(side.store)).toEqual([]);
        if (first !== 'paused') break;
        waits++;
      }
    }
    expect(waits).toBeGreaterThanOrEqual(10);
  });

  function endsLike(order: Exclude<OrderState, { kind: 'none' }>) {
    const cause = order.kind === 'closed' ? order.cause : undefined;
    if (cause?.kind === 'failed')
      return { kind: order.kind, cause: { kind: 'failed', reason: cause.reason } };
    return { kind: order.kind, cause: { kind: cause?.kind, by: cause?.by } };
  }
});

describe('a run that settles a cancelled date', () => {
  const nothing = { isSettled: false, endedHolds: 0, refundedOrders: 0, refundedSeats: 0, points: 0 };

  /** Fans with a paid seat each. */
  async function sold(...names: string[]) {
    for (const [index, name] of names.entries()) {
      const fan = await inside(side, name, 1000);
      await hold(side, fan, seats(`A-${index + 1}`));
      await pay(fan);
    }
  }

  it('gives the reason of the cancellation as that of each refund', async () => {
    await sold('mina');
    await cancelDate();
    await settle();
    const notes = (await wholeLog(side.store)).map(verifyEvent).flatMap((event) => {
      return event.type === 'OrderCancelled' ? [event.data.note] : [];
    });
    expect(notes).toEqual(['the singer is ill']);
  });

  it('goes by the log, not by the catalog as a process remembers it', async () => {
    await sold('mina');
    const other = restarted(side, { settings: { catalogMaxAgeMs: 3_600_000 } });
    expect(await settle(other)).toEqual(nothing);
    await cancelDate();
    expect(await settle(other)).toMatchObject({ isSettled: true, refundedOrders: 1 });
  });

  it('does not call it settled while the read models are behind the log', async () => {
    await sold('mina');
    await cancelDate();
    side.models.isCaughtUp = false;
    expect(await settle()).toEqual(nothing);
    expect(await dateIn()).toMatchObject({ isSettled: false });
    side.models.isCaughtUp = true;
    expect(await settle()).toMatchObject({ isSettled: true });
  });

  it('gives back all the others when one seat fails, tells the failure, and does not call it settled', async () => {
    await sold('mina', 'jun', 'sora');
    await cancelDate();
    const [poisoned] = (await readBooks(side.store)).orders.keys();
    const store = new HookedStore(side.store, {
      before: (_, stream) => {
        if (stream === poisoned) throw new StoreUnavailable('this stream cannot be written');
      },
    });
    await expect(settle(restarted(side, { store }))).rejects.toThrow('this stream cannot be written');
    expect(Object.values(await balances()).sort()).toEqual([1000, 1000, 900]);
    expect(await dateIn()).toMatchObject({ isSettled: false });
    expect(await settle(restarted(side))).toMatchObject({ isSettled: true, refundedOrders: 1 });
  });

  it('stops between two seats when it is told to', async () => {
    await sold('mina', 'jun');
    await cancelDate();
    const stopping = new AbortController();
    stopping.abort();
    const settling = new SettleCancellation(scheduleId, freshContext(), stopping.signal);
    expect(await side.execute(settling)).toEqual(nothing);
    expect(await dateIn()).toMatchObject({ isSettled: false });
  });

  it('looks again after it has given something back, since an order may have been paid meanwhile', async () => {
    await sold('mina', 'jun');
    await cancelDate();
    const ownedSeats = side.models.ownedSeats.bind(side.models);
    const page = jest.spyOn(side.models, 'ownedSeats');
    page.mockImplementationOnce(async (...question) => (await ownedSeats(...question)).slice(0, 1));
    expect(await settle()).toMatchObject({ isSettled: true, refundedOrders: 2 });
    expect(page).toHaveBeenCalledTimes(3);
  });

  it('asks for each page of seats after the last one', async () => {
    await sold('mina', 'jun');
    await cancelDate();
    const ownedSeats = side.models.ownedSeats.bind(side.models);
    const after: (string | null)[] = [];
    jest.spyOn(side.models, 'ownedSeats').mockImplementation(async (date, last, limit) => {
      after.push(last);
      const [seat] = await ownedSeats(date, last, limit);
      // A full page, as of 200 seats of one order.
      return seat ? Array(limit).fill(seat) : [];
    });
    expect(await settle()).toMatchObject({ isSettled: true, refundedOrders: 2 });
    expect(after).toEqual([null, 'A-1', 'A-2', null]);
  });
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
