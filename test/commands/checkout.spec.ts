import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { ExpireToken } from '../../src/commands/queue/enter-and-leave.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { walletDecider } from '../../src/domain/wallet.js';
import { type HoldId, orderIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { contradictions, heldSeats, readBooks } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { HookedStore } from './crashing-store.js';
import {
  charge,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  performanceId,
  release,
  seats,
  theatreDocument,
} from './theatre.js';

const holdTtlMs = 60_000;
let side: CommandSide;
let mina: QueueToken;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
  mina = await inside(side, 'mina', 1000);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const pay = (on: CommandSide, queueToken: QueueToken, holdIds?: HoldId[]) =>
  on.execute(new Pay(queueToken, holdIds ? { holdIds } : {}, freshContext()));
const balanceOf = async ({ userId }: QueueToken) =>
  (await readBooks(side.store)).wallets.get(`wallet-${userId}`)?.balance;
const orderKinds = async () => [...(await readBooks(side.store)).orders.values()].map(({ kind }) => kind);

describe('Pay', () => {
  it('turns all held seats into one paid order and ends the turn', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    await hold(side, mina, seats('B-1'));
    const { order } = await pay(side, mina);
    expect(order).toMatchObject({ kind: 'paid', total: 300 });
    expect(await balanceOf(mina)).toBe(700);
    const { tokens } = await readBooks(side.store);
    expect(tokens.get(`token-${mina.tokenId}`)).toMatchObject({ kind: 'ended', end: { kind: 'completed' } });
  });

  it('takes, and gives back, the price at which the seats were held, whatever the price list says now', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const document = theatreDocument({ sales: { holdTtlMs } });
    const performances = document.performances.map((one) => ({
      ...one,
      prices: [{ category: 'R', price: 400 }],
    }));
    await side.execute(new ImportCatalog({ ...document, performances }, freshContext()));
    const { order } = await pay(restarted(side), mina);
    expect(order).toMatchObject({ kind: 'paid', total: 200 });
    expect(await balanceOf(mina)).toBe(800);
    await side.execute(new CancelOrder(mina.userId, order.orderId, undefined, freshContext()));
    expect(await balanceOf(mina)).toBe(1000);
  });

  it('returns the position at which the token has ended, too', async () => {
    await hold(side, mina, seats('A-1'));
    const { position } = await pay(side, mina);
    expect(position).toBe(await side.store.head());
  });

  it('tells the position of the paid order when the turn was over before it', async () => {
    await hold(side, mina, seats('A-1'));
    let orderAppends = 0;
    const slow = restarted(side, {
      store: new HookedStore(side.store, {
        before: async (_, stream) => {
          if (stream.startsWith('order-') && ++orderAppends === 2) {
            side.clock.advance(24 * 3_600_000);
            await side.execute(new ExpireToken(mina.tokenId, { reason: 'time-used-up' }, freshContext()));
          }
        },
      }),
    });
    const { order, position } = await pay(slow, mina);
    expect(order.kind).toBe('paid');
    expect(position).toBe(await side.store.head());
  });

  it('frees the seats held beside the ones that are paid', async () => {
    const wanted = await hold(side, mina, seats('A-1'));
    await hold(side, mina, seats('B-1'));
    await pay(side, mina, [wanted.holdId]);
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('refuses without enough points and leaves the hold as it was', async () => {
    const jun = await inside(side, 'jun', 150);
    await hold(side, jun, seats('A-1', 'A-2'));
    expect(await outcomeOf(pay(side, jun))).toBe('insufficient-points');
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
    await charge(side, jun.userId, 50);
    expect((await pay(side, jun)).order.kind).toBe('paid');
  });

  it('keeps the hold, and lets the fan pay later, when the points go elsewhere during the checkout', async () => {
    await hold(side, mina, seats('A-1', 'A-2', 'A-3', 'A-4'));
    const orderId = orderIdSchema.parse(deriveId('another order'));
    const spend = { kind: 'spend', userId: mina.userId, orderId, amount: 700 } as const;
    const slow = restarted(side, {
      store: afterAppend(0, () =>
        side.deciders.execute(walletDecider, `wallet-${mina.userId}`, spend, freshContext()),
      ),
    });
    expect(await outcomeOf(pay(slow, mina))).toBe('insufficient-points');
    expect(await orderKinds()).toEqual(['closed']);
    expect(await heldSeats(side.store)).toHaveLength(4);
    await charge(side, mina.userId, 100);
    expect((await pay(side, mina)).order.kind).toBe('paid');
  });

  it('fails and refunds when the hold lapses between placing the order and reserving', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const slow = restarted(side, { store: afterAppend(1, () => side.clock.advance(holdTtlMs)) });
    expect(await outcomeOf(pay(slow, mina))).toBe('hold-lapsed');
    expect(await balanceOf(mina)).toBe(1000);
    expect(await orderKinds()).toEqual(['closed']);
  });

  it('fails and refunds when somebody else took a lapsed seat before it was reserved', async () => {
    const jun = await inside(side, 'jun');
    await hold(side, mina, seats('A-1', 'A-2'));
    const slow = restarted(side, {
      store: afterAppend(1, async () => {
        side.clock.advance(holdTtlMs);
        await hold(side, jun, seats('A-2'));
        side.clock.advance(-1); // the slow process reads a clock that lags behind
      }),
    });
    expect(await outcomeOf(pay(slow, mina))).toBe('seat-taken');
    expect(await balanceOf(mina)).toBe(1000);
    expect(await heldSeats(side.store)).toEqual(['A-2']);
  });

  it('refuses a lapsed hold before anything is written, exactly at its deadline', async () => {
    const held = await hold(side, mina, seats('A-1'));
    side.clock.moveTo(held.expiresAt);
    expect(await outcomeOf(pay(side, mina, [held.holdId]))).toBe('hold-lapsed');
    side.clock.advance(-1);
    expect((await pay(side, mina, [held.holdId])).order.kind).toBe('paid');
  });

  it('makes one order of two payments at once, and takes the points once', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const [one, two] = await Promise.all([pay(side, mina), pay(restarted(side), mina)]);
    expect(one.order.orderId).toBe(two.order.orderId);
    expect(await balanceOf(mina)).toBe(800);
  });

  it('is not refused for the points that another run of the same payment has just spent', async () => {
    const poor = await inside(side, 'poor', 200);
    await hold(side, poor, seats('A-1', 'A-2'));
    let isFirst = true;
    const store = new Proxy(side.store, {
      get(target, name) {
        const member = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (name === 'readStream' && String(args[0]).startsWith('wallet-') && isFirst) {
            isFirst = false;
            await pay(side, poor);
          }
          return member.apply(target, args);
        };
      },
    });
    expect((await pay(restarted(side, { store }), poor)).order.kind).toBe('paid');
  });

  it('returns the same order when it is repeated after the turn has ended', async () => {
    const held = await hold(side, mina, seats('A-1'));
    const first = await pay(side, mina);
    expect((await pay(restarted(side), mina)).order.orderId).toBe(first.order.orderId);
    expect((await pay(restarted(side), mina, [held.holdId])).order.orderId).toBe(first.order.orderId);
    expect(await balanceOf(mina)).toBe(900);
  });

  it('charges a hold once although it is named twice', async () => {
    const { holdId } = await hold(side, mina, seats('A-1'));
    const { order } = await pay(side, mina, [holdId, holdId]);
    expect(order).toMatchObject({ total: 100, items: [{ seatId: 'A-1' }] });
    expect(await balanceOf(mina)).toBe(900);
  });

  it('keeps a paid seat counted when an overlapping order of the same fan fails', async () => {
    const one = await hold(side, mina, seats('A-1'));
    const two = await hold(side, mina, seats('B-1'));
    // The payment for both waits with its order placed while the payment for one gets through.
    const slow = restarted(side, {
      store: afterAppend(1, () => pay(side, mina, [one.holdId])),
    });
    expect(await outcomeOf(pay(slow, mina, [one.holdId, two.holdId]))).toBe('seat-taken');
    expect(await balanceOf(mina)).toBe(900);
    const again = () => side.execute(new IssueToken(mina.userId, performanceId, 4, freshContext()));
    expect(await outcomeOf(again())).toBe('seat-limit-reached');
  });

  it('stays open and can be resumed when too many others want the same stream', async () => {
    await hold(side, mina, seats('A-1'));
    let rivals = 0;
    const contended = restarted(side, {
      store: new HookedStore(side.store, {
        before: async (_, stream) => {
          if (stream.startsWith('wallet-') && rivals++ < 40) await charge(side, mina.userId, 1);
        },
      }),
    });
    expect(await outcomeOf(pay(contended, mina))).toBe('busy');
    expect(await orderKinds()).toEqual(['placed']);
    expect((await pay(side, mina)).order.kind).toBe('paid');
  });

  it('refuses what is not held: nothing, a stranger’s hold, a released one', async () => {
    expect(await outcomeOf(pay(side, mina))).toBe('nothing-to-pay');
    const jun = await inside(side, 'jun', 1000);
    const theirs = await hold(side, jun, seats('B-1'));
    expect(await outcomeOf(pay(side, mina, [theirs.holdId]))).toBe('hold-unknown');
    const released = await hold(side, mina, seats('A-1'));
    await release(side, mina, released);
    expect(await outcomeOf(pay(side, mina, [released.holdId]))).toBe('hold-ended');
    expect(await balanceOf(mina)).toBe(1000);
  });
});

/** The log as one slow process sees it: `happen` takes place right after its append number `index`. */
function afterAppend(index: number, happen: () => unknown) {
  return new HookedStore(side.store, {
    after: async (appended) => {
      if (appended === index) await happen();
    },
  });
}
