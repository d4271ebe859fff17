import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { AdvanceCheckout } from '../../src/commands/orders/checkout-process.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { orderIdSchema } from '../../src/events/ids.js';
import { contradictions, readBooks } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, type CrashSide, crashingStore, died, pausingStore } from './crashing-store.js';
import { contextOf, freshContext, hold, inside, openTheatre, outcomeOf, seats } from './theatre.js';

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
