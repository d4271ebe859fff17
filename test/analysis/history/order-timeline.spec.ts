import type { OrderEvents } from '../../../src/analysis/history/fan-at.js';
import { type FailureEvidence, orderTimeline } from '../../../src/analysis/history/order-timeline.js';
import type { StoredEventOf } from '../../../src/analysis/history/past-events.js';
import type { SeatEvents } from '../../../src/analysis/history/seat-timeline.js';
import {
  type HoldId,
  type Instant,
  type OrderId,
  type PaymentId,
  type PerformanceId,
  type RefundId,
  type ScheduleId,
  seatIdSchema,
  type TokenId,
} from '../../../src/events/ids.js';
import { id, minute } from '../../projections/history.js';
import { fan, operator, read, stored } from './timeline.js';

const scheduleId = id<ScheduleId>('first night');
const seatId = seatIdSchema.parse('A-1');
const holdId = id<HoldId>('hold');
const order = { orderId: id<OrderId>('order'), userId: id('Minji') };
const placed = stored('OrderPlaced', {
  ...order,
  tokenId: id<TokenId>('token'),
  performanceId: id<PerformanceId>('show'),
  items: [{ scheduleId, seatId, holdId, price: 300, sold: null }],
  total: 300,
});
const nothing: FailureEvidence = { balance: null, seat: [] };
const tell = (later: OrderEvents, evidence = nothing, viewer = fan('Minji')) =>
  orderTimeline(placed, [placed, ...later], viewer, evidence);

const held = (name: string, hold: HoldId, at: Instant, expiresAt: Instant, revision: number) => {
  const data = { scheduleId, seatId, holdId: hold, userId: id(name), tokenId: id<TokenId>(name), price: 300 };
  return stored('SeatHeld', { ...data, expiresAt }, { at, revision });
};

describe('a payment that failed', () => {
  it('for want of points says how many were missing', () => {
    const failed = stored('OrderFailed', { ...order, reason: 'insufficient-points' });
    const closed = stored('OrderRefunded', { ...order, amount: 0 });
    expect(read(tell([failed, closed], { balance: 120, seat: [] }))).toEqual({
      entries: [
        'You ordered 1 seat for 300 points.',
        'The payment failed: the order cost 300 points and the wallet held 120. Charge 180 more and pay again.',
        'The order was closed. No points had been taken.',
      ],
      summary:
        'The payment failed: the order cost 300 points and the wallet held 120. Charge 180 more and pay again.',
    });
    expect(read(tell([failed], { balance: 120, seat: [] }), 'ko').summary).toBe(
      '결제 실패: 주문 금액은 300포인트인데 보유 포인트는 120포인트였습니다. 180포인트를 더 충전한 뒤 다시 결제해 주세요.',
    );
  });

  it('does not name a balance that would have been enough', () => {
    const failed = stored('OrderFailed', { ...order, reason: 'insufficient-points' });
    expect(read(tell([failed], { balance: 900, seat: [] })).summary).toBe(
      'The payment failed: the wallet did not hold the 300 points.',
    );
  });

  it('because the hold had lapsed names the seat and the deadline', () => {
    const failed = stored('OrderFailed', { ...order, reason: 'hold-lapsed', seatId });
    const seat = [held('Minji', holdId, minute(0), minute(5), 0)];
    const timeline = tell([failed], { balance: null, seat });
    expect(read(timeline).summary).toBe(
      'The payment failed: the hold of A-1 lapsed at 2026-11-01 09:05:00 UTC before the order could take it.',
    );
    expect(timeline.entries.at(-1)?.related).toEqual([{ kind: 'seat', scheduleId, seatId }]);
  });

  it('because the date was cancelled says that', () => {
    const failed = stored('OrderFailed', { ...order, reason: 'not-on-sale' });
    expect(read(tell([failed])).summary).toBe('The payment failed: the organiser had cancelled the date.');
    expect(read(tell([failed]), 'ko').summary).toBe('결제 실패: 주최 측이 회차를 취소했습니다.');
  });

  it('because somebody else took the seat says when, and to operators who', () => {
    const failed = stored('OrderFailed', { ...order, reason: 'seat-taken', seatId });
    const seat: SeatEvents = [
      held('Sora', id<HoldId>('earlier'), minute(-20), minute(-15), 0),
      held('Minji', holdId, minute(0), minute(5), 2),
      held('Jun', id<HoldId>('other'), minute(6), minute(11), 4),
    ];
    expect(read(tell([failed], { balance: null, seat })).summary).toBe(
      'The payment failed: the hold of A-1 had lapsed at 2026-11-01 09:05:00 UTC, and another person held it at 2026-11-01 09:06:00 UTC.',
    );
    expect(read(tell([failed], { balance: null, seat }, operator)).summary).toContain(
      `user ${id('Jun')} held`,
    );
    expect(read(tell([failed], { balance: null, seat }), 'ko').summary).toBe(
      '결제 실패: 좌석 A-1의 선점이 2026-11-01 09:05:00 UTC에 만료되었고, 다른 고객이 2026-11-01 09:06:00 UTC에 그 좌석을 선점했습니다.',
    );
  });
});

it('an order that was paid, then cancelled', () => {
  const paid = stored('OrderPaid', { ...order, paymentId: 'pay' as PaymentId, total: 300 });
  expect(read(tell([])).summary).toBe('The order is being paid.');
  expect(read(tell([paid])).summary).toBe('The order was paid with 300 points: the seats are sold.');
  const later = [
    stored('OrderCancelled', { ...order, cause: 'fan' }),
    stored('OrderRefunded', { ...order, amount: 300 }),
  ];
  expect(read(tell([paid, ...later]))).toMatchObject({
    entries: expect.arrayContaining(['The order was closed: 300 points went back to the wallet.']),
    summary: 'The order was cancelled by the fan: its seats are given back and its points come back.',
  });
});

it('an order of which one seat was given back by an operator', () => {
  const paid = stored('OrderPaid', { ...order, paymentId: 'pay' as PaymentId, total: 300 });
  const refundId = id<RefundId>('refund');
  const given: StoredEventOf<'OrderItemsCancelled'>['data'] = {
    ...order,
    refundId,
    items: [{ scheduleId, seatId }],
    amount: 300,
    cause: 'operator',
    note: 'the view is blocked',
  };
  const later = [
    stored('OrderItemsCancelled', given),
    stored('OrderItemsRefunded', { ...order, refundId, amount: 300 }),
  ];
  expect(read(tell([paid, ...later]))).toEqual({
    entries: expect.arrayContaining([
      '300 points went back to the wallet.',
      'A-1 of the order was given back by an operator (the view is blocked): 300 points come back, the rest of the order stands.',
    ]),
    summary: 'The order was paid with 300 points: the seats are sold.',
  });
  expect(read(tell([paid, ...later]), 'ko').entries).toContain(
    '운영자에 의해 주문의 좌석 A-1이(가) 취소되었습니다(the view is blocked). 300포인트가 환불되며 나머지 좌석은 그대로 유지됩니다.',
  );
});
