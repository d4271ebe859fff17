import { CancelOrder, type RefundedItems, RefundOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { type HoldId, type Instant, orderIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { contradictions, readBooks } from './audit.js';
import { type CommandSide, createCommandSide } from './box-office.js';
import {
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  performanceId,
  queued,
  scheduleId,
  seats,
  startsAt,
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
const cancel = (queueToken: QueueToken, orderId: Awaited<ReturnType<typeof pay>>['order']['orderId']) =>
  side.execute(new CancelOrder(queueToken.userId, orderId, undefined, freshContext()));
const cancelSeats = (queueToken: QueueToken, orderId: Parameters<typeof cancel>[1], ...names: string[]) => {
  const items = seats(...names).map((seatId) => ({ scheduleId, seatId }));
  return side.execute(new CancelOrder(queueToken.userId, orderId, items, freshContext()));
};
const refund = (orderId: Parameters<typeof cancel>[1], which: RefundedItems = { kind: 'all' }) =>
  side.execute(new RefundOrder({ orderId, which, cause: 'operator', note: 'a favour' }, freshContext()));
const balanceOf = async ({ userId }: QueueToken) =>
  (await readBooks(side.store)).wallets.get(`wallet-${userId}`)?.balance;

describe('CancelOrder', () => {
  it('frees the seats, refunds once, and gives the limit back', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const { order } = await pay(side, mina);
    await cancel(mina, order.orderId);
    const again = await cancel(mina, order.orderId);
    expect(again.order).toMatchObject({ kind: 'closed', refunded: 200, cause: { kind: 'cancelled' } });
    expect(await balanceOf(mina)).toBe(1000);
    const rejoined = await side.execute(new IssueToken(mina.userId, performanceId, 4, freshContext()));
    expect(rejoined.isNew).toBe(true);
    const jun = await inside(side, 'jun');
    await hold(side, jun, seats('A-1', 'A-2'));
  });

  it('is possible until the performance begins, and not from that moment on', async () => {
    const jun = await inside(side, 'jun', 1000);
    await hold(side, mina, seats('A-1'));
    await hold(side, jun, seats('B-1'));
    const [mine, theirs] = [(await pay(side, mina)).order, (await pay(side, jun)).order];
    side.clock.moveTo(startsAt as Instant, -1); // a literal of exactly that form
    await cancel(mina, mine.orderId);
    side.clock.advance(1);
    expect(await outcomeOf(cancel(jun, theirs.orderId))).toBe('order-not-cancellable');
    expect(await balanceOf(jun)).toBe(900);
  });

  it('gives back some seats and their points, and the rest stands', async () => {
    await hold(side, mina, seats('A-1', 'A-2', 'B-1'));
    const { order } = await pay(side, mina);
    const half = await cancelSeats(mina, order.orderId, 'A-1');
    expect(half.order).toMatchObject({ kind: 'paid', refunds: [{ amount: 100, isDone: true }] });
    expect(await balanceOf(mina)).toBe(800);
    const jun = await inside(side, 'jun', 1000);
    await hold(side, jun, seats('A-1'));
    await cancelSeats(mina, order.orderId, 'A-1', 'A-2');
    expect(await balanceOf(mina)).toBe(900);
    const whole = await cancel(mina, order.orderId);
    expect(whole.order).toMatchObject({ kind: 'closed', refunded: 100 });
    await cancelSeats(mina, order.orderId, 'B-1');
    expect(await balanceOf(mina)).toBe(1000);
    expect((await pay(side, jun)).order.kind).toBe('paid');
  });

  it('gives nothing back twice when fan, operator and a retry do it at once', async () => {
    await hold(side, mina, seats('A-1', 'A-2', 'B-1'));
    const { order } = await pay(side, mina);
    const results = await Promise.all([
      outcomeOf(cancelSeats(mina, order.orderId, 'A-1', 'A-2')),
      outcomeOf(cancelSeats(mina, order.orderId, 'A-2', 'B-1')),
      outcomeOf(refund(order.orderId)),
      outcomeOf(refund(order.orderId, { kind: 'schedule', scheduleId })),
    ]);
    expect(results.filter((result) => typeof result === 'string' && result !== 'busy')).toEqual([]);
    await refund(order.orderId);
    expect(await balanceOf(mina)).toBe(1000);
  });

  it('lets an operator refund after the performance has begun', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const { order } = await pay(side, mina);
    side.clock.moveTo(startsAt as Instant, 60_000); // a literal of exactly that form
    expect(await outcomeOf(cancel(mina, order.orderId))).toBe('order-not-cancellable');
    const seatIds = seats('A-2');
    const items = seatIds.map((seatId) => ({ scheduleId, seatId }));
    const result = await refund(order.orderId, { kind: 'items', items });
    expect(result.refunded.map(({ seatId }) => seatId)).toEqual(seatIds);
    expect((await refund(order.orderId, { kind: 'items', items })).refunded).toEqual([]);
    expect(await balanceOf(mina)).toBe(900);
  });

  it('knows no orders of other people, nor ones that never were', async () => {
    await hold(side, mina, seats('A-1'));
    const { order } = await pay(side, mina);
    const jun = await queued(side, 'jun');
    expect(await outcomeOf(cancel(jun, order.orderId))).toBe('order-unknown');
    expect(await outcomeOf(cancel(mina, orderIdSchema.parse(deriveId('none'))))).toBe('order-unknown');
    expect(await balanceOf(mina)).toBe(900);
  });
});
