import { orderDecider } from '../../src/domain/order.js';
import {
  holdIdSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from '../../src/events/ids.js';
import type { OrderEvent } from '../../src/events/order-events.js';
import { given, named } from './given.js';

const ids = { orderId: named(orderIdSchema, 'o'), userId: named(userIdSchema, 'mina') };
const item = (seat: string, price = 100) => ({
  scheduleId: named(scheduleIdSchema, 'tonight'),
  seatId: seatIdSchema.parse(seat),
  holdId: named(holdIdSchema, 'h'),
  price,
});
const content = {
  ...ids,
  tokenId: named(tokenIdSchema, 't'),
  performanceId: named(performanceIdSchema, 'p'),
  items: [item('A-1'), item('A-2')],
  total: 200,
};
const paymentId = paymentIdSchema.parse('pay-1');
const placed: OrderEvent = { type: 'OrderPlaced', data: content };
const paid: OrderEvent = { type: 'OrderPaid', data: { ...ids, paymentId, total: 200 } };
const failed: OrderEvent = { type: 'OrderFailed', data: { ...ids, reason: 'hold-lapsed' } };
const cancelled: OrderEvent = { type: 'OrderCancelled', data: ids };
const refunded = (amount: number): OrderEvent => ({ type: 'OrderRefunded', data: { ...ids, amount } });
const place = { kind: 'place', ...content } as const;
const markPaid = { kind: 'mark-paid', paymentId } as const;
const fail = { kind: 'fail', reason: 'hold-lapsed', seatId: undefined } as const;
const cancel = { kind: 'cancel' } as const;
const close = { kind: 'close', refunded: 200 } as const;
const past = (...history: OrderEvent[]) => given(orderDecider, history);

describe('an order', () => {
  it('is placed once; the same items again change nothing, in any order', () => {
    expect(past().when(place)).toEqual([placed]);
    expect(past(placed).when({ ...place, items: [item('A-2'), item('A-1')] })).toEqual([]);
  });

  it.each([
    ['items', { items: [item('A-1')] }],
    ['prices', { items: [item('A-1'), item('A-2', 99)] }],
    ['a seat more', { items: [item('A-1'), item('A-2'), item('A-3')] }],
    ['the fan', { userId: named(userIdSchema, 'jun') }],
  ])('refuses its id for another content: %s', (_, change) =>
    expect(past(placed).when({ ...place, ...change })).toBe('idempotency-key-reused'),
  );

  it('is either paid or failed, never both', () => {
    expect(past(placed).when(markPaid)).toEqual([paid]);
    expect(past(placed).when(fail)).toEqual([failed]);
    expect(past(placed, paid).when(fail)).toEqual([]);
    expect(past(placed, failed).when(markPaid)).toEqual([]);
    expect(past(placed, paid).when(markPaid)).toEqual([]);
    expect(past(placed, failed).when(fail)).toEqual([]);
  });

  it('names the seat that made it fail', () => {
    const seatId = seatIdSchema.parse('A-2');
    const [event] = past(placed).when({ ...fail, reason: 'seat-taken', seatId });
    expect(event).toEqual({ type: 'OrderFailed', data: { ...ids, reason: 'seat-taken', seatId } });
    expect(past(placed).when(fail)).toStrictEqual([failed]);
  });

  it('is cancelled only when paid, once', () => {
    expect(past(placed, paid).when(cancel)).toEqual([cancelled]);
    expect(past(placed, paid, cancelled).when(cancel)).toEqual([]);
    expect(past(placed, paid, cancelled, refunded(200)).when(cancel)).toEqual([]);
    expect(past(placed).when(cancel)).toBe('order-not-cancellable');
    expect(past(placed, failed).when(cancel)).toBe('order-not-cancellable');
    expect(past(placed, failed, refunded(0)).when(cancel)).toBe('order-not-cancellable');
  });

  it('is closed once, after it failed or was cancelled', () => {
    expect(past(placed, failed).when(close)).toEqual([refunded(200)]);
    expect(past(placed, paid, cancelled).when(close)).toEqual([refunded(200)]);
    expect(past(placed, failed, refunded(200)).when(close)).toEqual([]);
    expect(past(placed).when(close)).toEqual([]);
    expect(past(placed, paid).when(close)).toEqual([]);
  });

  it('remembers why it was closed and what went back', () => {
    expect(past(placed, failed).state).toMatchObject({ cause: { kind: 'failed', reason: 'hold-lapsed' } });
    expect(past(placed, paid, cancelled, refunded(200)).state).toMatchObject({
      kind: 'closed',
      cause: { kind: 'cancelled' },
      refunded: 200,
    });
  });

  it('has no history before it was placed, and none of refunds while it stands', () => {
    expect(past(paid, failed, cancelled, refunded(200)).state).toEqual({ kind: 'none' });
    expect(past(placed, paid, refunded(200)).state).toMatchObject({ kind: 'paid', paymentId });
  });

  it.each([markPaid, fail, cancel, close])('must be placed before $kind', (command) =>
    expect(past().when(command)).toBe('order-unknown'),
  );
});
