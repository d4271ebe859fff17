import fc from 'fast-check';
import { auditLog } from '../../src/analysis/audit/auditor.js';
import { CancelOrder, RefundOrder } from '../../src/commands/orders/cancel-order.js';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { Pay } from '../../src/commands/orders/pay.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { type OrderId, orderIdSchema, seatIdSchema } from '../../src/events/ids.js';
import { contradictions, readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, type CrashSide, crashingStore, died, pausingStore } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  scheduleId,
  seats,
} from './theatre.js';

const holdTtlMs = 60_000;

async function world() {
  const side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
  const mina = await inside(side, 'mina', 1000);
  await hold(side, mina, seats('A-1', 'A-2'));
  await hold(side, mina, seats('B-1'));
  return { side, mina };
}

/** Drives every order in the log to its end, as the recovery process does. */
async function recover(side: CommandSide): Promise<void> {
  const { orders } = await readBooks(side.store);
  for (const stream of orders.keys()) {
    const orderId = orderIdSchema.parse(stream.slice('order-'.length));
    await side.execute(new AdvanceCheckout(orderId, freshContext()));
  }
}

async function summary(side: CommandSide) {
  const { orders, wallets, seats: states } = await readBooks(side.store);
  return {
    contradictions: await contradictions(side.store),
    orders: [...orders.values()].map(({ kind }) => kind),
    balance: [...wallets.values()].map(({ balance }) => balance),
    reserved: [...states.values()].filter(({ kind }) => kind === 'reserved').length,
  };
}

const paid = { contradictions: [], orders: ['paid'], balance: [700], reserved: 3 };
const failed = { contradictions: [], orders: ['closed'], balance: [1000], reserved: 0 };
const nothing = { contradictions: [], orders: [], balance: [1000], reserved: 0 };

describe('a checkout that dies at any append', () => {
  it('is finished by the recovery: the seats are paid, or it never began', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      const { side, mina } = await world();
      const { store, hasDied } = crashingStore(side.store, crashAt, when);
      const isDead = await died(restarted(side, { store }).execute(new Pay(mina, {}, contextOf('pay'))));
      await recover(restarted(side));
      expect(await summary(side)).toEqual(crashAt === 0 && when === 'before' ? nothing : paid);
      return isDead && hasDied();
    });
    // OrderPlaced, PointsSpent, three SeatReserved, OrderPaid, TokenCompleted.
    expect(tried).toBe(14);
  });

  it('is finished by the fan who asks again', async () => {
    await atEveryAppend(async (crashAt, when) => {
      const { side, mina } = await world();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(restarted(side, { store }).execute(new Pay(mina, {}, contextOf('pay'))));
      await restarted(side).execute(new Pay(mina, {}, contextOf('pay')));
      expect(await summary(side)).toEqual(paid);
      return isDead;
    });
  });

  it('ends whole or refunded when the holds lapse before anybody resumes it', async () => {
    await atEveryAppend(async (crashAt, when) => {
      const { side, mina } = await world();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(restarted(side, { store }).execute(new Pay(mina, {}, contextOf('pay'))));
      side.clock.advance(holdTtlMs);
      await recover(restarted(side));
      expect([paid, failed, nothing]).toContainEqual(await summary(side));
      return isDead;
    });
  });

  it('is undone to the end when it dies while it is being undone', async () => {
    await atEveryAppend(async (crashAt, when) => {
      const { side, mina } = await world();
      const { orderId } = await placed(side, mina);
      side.clock.advance(holdTtlMs);
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(
        restarted(side, { store }).execute(new AdvanceCheckout(orderId, contextOf('undo'))),
      );
      await recover(restarted(side));
      expect(await summary(side)).toEqual(failed);
      return isDead;
    });
  });
});

describe('two runners of one checkout', () => {
  it.each([
    ['the holds live', 0],
    ['the holds lapse while one waits', holdTtlMs],
  ])('agree on one outcome wherever one of them waits, when %s', async (_, lapseMs) => {
    let waits = 0;
    for (const when of ['before', 'after'] as const) {
      for (let pauseAt = 0; await race(pauseAt, when, lapseMs); pauseAt++) waits++;
    }
    expect(waits).toBeGreaterThanOrEqual(10);
  });

  it('agree on one outcome when the slow one was undoing', async () => {
    let waits = 0;
    for (const when of ['before', 'after'] as const) {
      for (let pauseAt = 0; ; pauseAt++) {
        const { side, mina } = await world();
        const { orderId } = await placed(side, mina);
        side.clock.advance(holdTtlMs);
        const hasPaused = await advanceBeside(side, orderId, pauseAt, when);
        expect(await summary(side)).toEqual(failed);
        if (!hasPaused) break;
        waits++;
      }
    }
    expect(waits).toBeGreaterThanOrEqual(10);
  });
});

describe('a cancellation that dies at any append', () => {
  it('is finished by the recovery: one refund, all seats free, or it never began', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      const { side, mina } = await world();
      const { order } = await side.execute(new Pay(mina, {}, freshContext()));
      const { store } = crashingStore(side.store, crashAt, when);
      const cancel = new CancelOrder(mina.userId, order.orderId, undefined, contextOf('cancel'));
      const isDead = await died(restarted(side, { store }).execute(cancel));
      await recover(restarted(side));
      expect(await summary(side)).toEqual(crashAt === 0 && when === 'before' ? paid : failed);
      return isDead;
    });
    expect(tried).toBeGreaterThanOrEqual(14);
  });
});

describe('seats given back while the rest of the order stands', () => {
  const some = [{ scheduleId, seatId: seatIdSchema.parse('A-1') }];
  const others = [
    { scheduleId, seatId: seatIdSchema.parse('A-1') },
    { scheduleId, seatId: seatIdSchema.parse('B-1') },
  ];
  const partly = { contradictions: [], orders: ['paid'], balance: [800], reserved: 2 };

  async function paidOrder() {
    const { side, mina } = await world();
    const { order } = await side.execute(new Pay(mina, {}, freshContext()));
    return { side, mina, orderId: order.orderId };
  }

  it('are given back by the recovery when it dies at any append, once', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      const { side, mina, orderId } = await paidOrder();
      const { store } = crashingStore(side.store, crashAt, when);
      const cancel = new CancelOrder(mina.userId, orderId, some, contextOf('cancel'));
      const isDead = await died(restarted(side, { store }).execute(cancel));
      await recover(restarted(side));
      expect(await summary(side)).toEqual(crashAt === 0 && when === 'before' ? paid : partly);
      return isDead;
    });
    // OrderItemsCancelled, PointsRefunded, SeatReservationCancelled, SeatsReturned, OrderItemsRefunded.
    expect(tried).toBe(10);
  });

  it('are given back once when everything is cancelled after a crash at any append', async () => {
    await atEveryAppend(async (crashAt, when) => {
      const { side, mina, orderId } = await paidOrder();
      const { store } = crashingStore(side.store, crashAt, when);
      const cancel = new CancelOrder(mina.userId, orderId, some, contextOf('cancel'));
      const isDead = await died(restarted(side, { store }).execute(cancel));
      await restarted(side).execute(new RefundOrder(everything(orderId), freshContext()));
      expect(await summary(side)).toEqual(failed);
      return isDead;
    });
  });

  const everything = (orderId: OrderId) =>
    ({ orderId, which: { kind: 'all' }, cause: 'operator', note: 'a favour' }) as const;
  const theDate = (orderId: OrderId) =>
    ({ orderId, which: { kind: 'schedule', scheduleId }, cause: 'schedule-cancelled' }) as const;
  const someOf = (orderId: OrderId, items = others) =>
    ({ orderId, which: { kind: 'items', items }, cause: 'operator', note: 'the view is blocked' }) as const;

  type Act = (side: CommandSide, mina: QueueToken, orderId: OrderId) => Promise<unknown>;
  const acts: Readonly<Record<string, Act>> = {
    'the fan cancels': (side, mina, orderId) =>
      side.execute(new CancelOrder(mina.userId, orderId, undefined, freshContext())),
    'the fan gives one seat back': (side, mina, orderId) =>
      side.execute(new CancelOrder(mina.userId, orderId, some, freshContext())),
    'an operator refunds two seats': (side, _, orderId) =>
      side.execute(new RefundOrder(someOf(orderId), freshContext())),
    'an operator refunds all': (side, _, orderId) =>
      side.execute(new RefundOrder(everything(orderId), freshContext())),
    'the date is cancelled': (side, _, orderId) =>
      side.execute(new RefundOrder(theDate(orderId), freshContext())),
  };
  const pairs = Object.entries(acts).flatMap(([slow, act]) =>
    Object.entries(acts).map(([fast, other]) => [slow, fast, act, other] as const),
  );

  it.each(pairs)('are given back once when %s, and meanwhile %s', async (slow, fast, act, other) => {
    const leavesOne = [slow, fast].every((name) => name.includes('seat'));
    const leavesTwo = leavesOne && [slow, fast].every((name) => name.includes('one seat'));
    const left = leavesTwo ? partly : leavesOne ? { ...partly, balance: [900], reserved: 1 } : failed;
    let waits = 0;
    for (const when of ['before', 'after'] as const) {
      for (let pauseAt = 0; ; pauseAt++) {
        const { side, mina, orderId } = await paidOrder();
        const { store, paused, goOn } = pausingStore(side.store, pauseAt, when);
        const running = outcomeOf(act(restarted(side, { store }), mina, orderId));
        const first = await Promise.race([paused, running]);
        await other(restarted(side), mina, orderId);
        goOn();
        await running;
        expect(await summary(side)).toEqual(left);
        if (first !== 'paused') break;
        waits++;
      }
    }
    expect(waits).toBeGreaterThanOrEqual(10);
  });

  it('are given back once by any acts at once that die at any append', async () => {
    const names = Object.keys(acts);
    const step = fc.record({
      act: fc.constantFrom(...names),
      crashAt: fc.nat({ max: 12 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 3 }), async (rounds) => {
        const { side, mina, orderId } = await paidOrder();
        for (const round of rounds) {
          const running = round.map(async ({ act, crashAt, when }) => {
            const { store } = crashingStore(side.store, crashAt, when);
            await outcomeOf(
              acts[act]?.(restarted(side, { store }), mina, orderId) ?? Promise.resolve(),
            ).catch(() => undefined);
          });
          await Promise.all(running);
        }
        await recover(restarted(side));
        const { contradictions, balance, reserved } = await summary(side);
        expect({ contradictions, balance }).toEqual({ contradictions: [], balance: [1000 - 100 * reserved] });
        const log = (await wholeLog(side.store)).map(({ type }) => type);
        expect(log.filter((type) => type === 'SeatReservationCancelled')).toHaveLength(3 - reserved);
        const report = await auditLog(side.store);
        expect(report.findings).toEqual([]);
      }),
      { numRuns: fc.readConfigureGlobal().numRuns ?? 60, seed: 42 },
    );
  });
});

/** An order whose payment died right after the points were taken. */
async function placed(side: CommandSide, mina: Parameters<typeof hold>[1]) {
  const { store } = crashingStore(side.store, 2, 'before');
  expect(await died(restarted(side, { store }).execute(new Pay(mina, {}, contextOf('pay'))))).toBe(true);
  const [order] = [...(await readBooks(side.store)).orders.values()];
  if (!order || order.kind === 'none') throw new Error('no order was placed');
  return order;
}

/** One runner waits at an append while another runs to the end. @returns whether it came to wait. */
async function advanceBeside(
  side: CommandSide,
  orderId: Awaited<ReturnType<typeof placed>>['orderId'],
  pauseAt: number,
  when: CrashSide,
): Promise<boolean> {
  const { store, paused, goOn } = pausingStore(side.store, pauseAt, when);
  const slow = restarted(side, { store }).execute(new AdvanceCheckout(orderId, freshContext()));
  const first = await Promise.race([paused, slow]);
  const fast = await restarted(side).execute(new AdvanceCheckout(orderId, freshContext()));
  goOn();
  expect((await slow).order.kind).toBe(fast.order.kind);
  return first === 'paused';
}

async function race(pauseAt: number, when: CrashSide, lapseMs: number): Promise<boolean> {
  const { side, mina } = await world();
  const { store, paused, goOn } = pausingStore(side.store, pauseAt, when);
  const slow = outcomeOf(restarted(side, { store }).execute(new Pay(mina, {}, freshContext())));
  const first = await Promise.race([paused, slow]);
  side.clock.advance(lapseMs);
  await recover(restarted(side));
  goOn();
  await slow;
  const isNothing = lapseMs > 0 && (await summary(side)).orders.length === 0;
  expect([paid, ...(lapseMs > 0 ? [failed] : []), ...(isNothing ? [nothing] : [])]).toContainEqual(
    await summary(side),
  );
  return first === 'paused';
}
