import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { CancelOrder, type RefundedItems, RefundOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { HoldSeats } from '../../src/commands/seats/hold-seats.js';
import { addMs, type HoldId, type Instant, orderIdSchema, scheduleIdSchema } from '../../src/events/ids.js';
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

  it('refunds an operator’s choice of seats and then the rest, stores the reason, and names what each refund gave back', async () => {
    await hold(side, mina, seats('A-1', 'A-2'));
    const { order } = await pay(side, mina);
    const items = seats('A-1').map((seatId) => ({ scheduleId, seatId }));
    await refund(order.orderId, { kind: 'items', items });
    const rest = await refund(order.orderId);
    expect(rest.refunded.map(({ seatId }) => seatId)).toEqual(seats('A-2'));
    expect(rest.order).toMatchObject({
      kind: 'closed',
      cause: { kind: 'cancelled', by: 'operator', note: 'a favour' },
      refunds: [{ note: 'a favour', isDone: true }],
    });
    expect((await refund(order.orderId)).refunded).toEqual([]);
    expect(await outcomeOf(refund(orderIdSchema.parse(deriveId('none'))))).toBe('order-unknown');
    expect(await balanceOf(mina)).toBe(1000);
  });

  it('says until when tickets could be given back, and that the performance has begun', async () => {
    await openTheatre(side, { sales: { holdTtlMs, cancelBeforeStartMs: 60_000 } });
    await hold(side, mina, seats('A-1'));
    const { order } = await pay(side, mina);
    const begins = startsAt as Instant; // a literal of exactly that form
    const until = addMs(begins, -60_000);
    side.clock.moveTo(until, 0);
    await expect(cancel(mina, order.orderId)).rejects.toMatchObject({
      message: `Tickets of this date could be given back until ${until}: ask the organiser for a refund.`,
      rejection: { code: 'order-not-cancellable', details: { until } },
    });
    side.clock.moveTo(begins, 0);
    await expect(cancel(mina, order.orderId)).rejects.toMatchObject({
      message: 'The performance has begun: the order can no longer be cancelled.',
      rejection: { code: 'order-not-cancellable', details: { until } },
    });
    side.clock.moveTo(until, -1);
    expect((await cancel(mina, order.orderId)).order.kind).toBe('closed');
  });

  it('of an order for two dates asks only for the deadlines of those given back, and gives back one date alone', async () => {
    const twoDates = theatreDocument({ sales: { holdTtlMs } });
    const laterStart = addMs(startsAt as Instant, 86_400_000); // a literal of exactly that form
    twoDates.performances[0]?.schedules.push({
      id: 'second night',
      startsAt: laterStart,
      status: 'scheduled',
    });
    await side.execute(new ImportCatalog(twoDates, freshContext()));
    const laterId = scheduleIdSchema.parse(deriveId('schedule', 'theatre', 'show', 'second night'));
    await hold(side, mina, seats('A-1', 'A-2'));
    const input = { seatIds: seats('B-1', 'B-2') };
    await side.execute(new HoldSeats(mina, laterId, input, freshContext()));
    const { order } = await pay(side, mina);
    const later = seats('B-1').map((seatId) => ({ scheduleId: laterId, seatId }));
    const onNoDate = scheduleIdSchema.parse(deriveId('no date'));
    expect((await refund(order.orderId, { kind: 'schedule', scheduleId: onNoDate })).refunded).toEqual([]);
    side.clock.moveTo(startsAt as Instant, 0); // a literal of exactly that form
    expect(await outcomeOf(cancel(mina, order.orderId))).toBe('order-not-cancellable');
    expect(await outcomeOf(cancelSeats(mina, order.orderId, 'A-1'))).toBe('order-not-cancellable');
    await side.execute(new CancelOrder(mina.userId, order.orderId, later, freshContext()));
    expect(await balanceOf(mina)).toBe(700);
    const { refunded } = await refund(order.orderId, { kind: 'schedule', scheduleId: laterId });
    expect(refunded.map(({ seatId }) => seatId)).toEqual(seats('B-2'));
    expect(await balanceOf(mina)).toBe(800);
    expect((await refund(order.orderId)).refunded.map(({ seatId }) => seatId)).toEqual(seats('A-1', 'A-2'));
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
