import { orderDecider } from '../../src/domain/order.js';
import {
  holdIdSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  refundIdSchema,
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
  sold: null,
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
const cancelled: OrderEvent = { type: 'OrderCancelled', data: { ...ids, cause: 'fan' } };
const refunded = (amount: number): OrderEvent => ({ type: 'OrderRefunded', data: { ...ids, amount } });
const place = { kind: 'place', ...content } as const;
const markPaid = { kind: 'mark-paid', paymentId } as const;
const fail = { kind: 'fail', reason: 'hold-lapsed', seatId: undefined } as const;
const refundId = named(refundIdSchema, 'r');
const cancel = { kind: 'cancel', items: undefined, refundId, cause: 'fan', note: undefined } as const;
const nameOf = (seat: string) => ({ scheduleId: item(seat).scheduleId, seatId: item(seat).seatId });
const cancelSeats = (...seats: string[]) => ({ ...cancel, items: seats.map(nameOf) });
const itemsCancelled = (name: string, ...seats: string[]): OrderEvent => ({
  type: 'OrderItemsCancelled',
  data: {
    ...ids,
    refundId: named(refundIdSchema, name),
    items: seats.map(nameOf),
    amount: seats.length * 100,
    cause: 'fan',
  },
});
const itemsRefunded = (name: string, amount: number): OrderEvent => ({
  type: 'OrderItemsRefunded',
  data: { ...ids, refundId: named(refundIdSchema, name), amount },
});
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

  it('gives some of its seats back, each once, and the rest stands', () => {
    expect(past(placed, paid).when(cancelSeats('A-1'))).toEqual([itemsCancelled('r', 'A-1')]);
    const half = past(placed, paid, itemsCancelled('earlier', 'A-1'));
    expect(half.state).toMatchObject({ kind: 'paid' });
    expect(half.when(cancelSeats('A-1'))).toEqual([]);
    // One command gives back what it asked for first, and nothing more.
    expect(past(placed, paid, itemsCancelled('r', 'A-1')).when(cancelSeats('A-2'))).toEqual([]);
    expect(half.when(cancelSeats('A-1', 'A-2'))).toEqual([cancelled]);
    expect(half.when(cancelSeats('A-2'))).toEqual([cancelled]);
    expect(past(placed, paid).when(cancelSeats('A-2', 'A-1'))).toEqual([cancelled]);
    expect(past(placed, paid, cancelled).when(cancelSeats('A-1'))).toEqual([]);
    expect(past(placed, paid).when(cancelSeats('A-9'))).toBe('seat-unknown');
    expect(past(placed).when(cancelSeats('A-1'))).toBe('order-not-cancellable');
  });

  it('says why seats were given back, and in whose words', () => {
    const byOperator = { ...cancelSeats('A-1'), cause: 'operator', note: 'the view is blocked' } as const;
    expect(past(placed, paid).when(byOperator)).toMatchObject([
      { type: 'OrderItemsCancelled', data: { cause: 'operator', note: 'the view is blocked' } },
    ]);
    expect(past(placed, paid).when({ ...byOperator, items: undefined })).toMatchObject([
      { type: 'OrderCancelled', data: { cause: 'operator', note: 'the view is blocked' } },
    ]);
  });

  it('finishes a refund of seats once, also while the rest is being given back', () => {
    const finish = { kind: 'finish-refund', refundId } as const;
    const half = [placed, paid, itemsCancelled('r', 'A-1')];
    expect(past(...half).when(finish)).toEqual([itemsRefunded('r', 100)]);
    expect(past(...half, cancelled).when(finish)).toEqual([itemsRefunded('r', 100)]);
    expect(past(...half, itemsRefunded('r', 100)).when(finish)).toEqual([]);
    expect(past(...half, cancelled, refunded(100)).when(finish)).toEqual([]);
    expect(past(placed, paid).when(finish)).toEqual([]);
    expect(past(placed).when(finish)).toEqual([]);
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
