import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
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

  it('knows no orders of other people, nor ones that never were', async () => {
    await hold(side, mina, seats('A-1'));
    const { order } = await pay(side, mina);
    const jun = await queued(side, 'jun');
    expect(await outcomeOf(cancel(jun, order.orderId))).toBe('order-unknown');
    expect(await outcomeOf(cancel(mina, orderIdSchema.parse(deriveId('none'))))).toBe('order-unknown');
    expect(await balanceOf(mina)).toBe(900);
  });
});
