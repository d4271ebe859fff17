import type { Viewer } from '../../../src/analysis/history/port.js';
import { type SeatEvents, seatTimeline } from '../../../src/analysis/history/seat-timeline.js';
import {
  type HoldId,
  type Instant,
  type OrderId,
  type PerformanceId,
  type ScheduleId,
  seatIdSchema,
  type TokenId,
} from '../../../src/events/ids.js';
import { id, minute } from '../../projections/history.js';
import { fan, operator, read, stored } from './timeline.js';

const performanceId = id<PerformanceId>('show');
const seat = { scheduleId: id<ScheduleId>('first night'), seatId: seatIdSchema.parse('A-1') };
const hold = (name: string) => ({ ...seat, holdId: id<HoldId>(`hold of ${name}`), userId: id(name) });
const token = (name: string) => id<TokenId>(`token of ${name}`);
const order = (name: string) => id<OrderId>(`order of ${name}`);

const held = (name: string, at: Instant, expiresAt: Instant) =>
  stored('SeatHeld', { ...hold(name), tokenId: token(name), price: 100, expiresAt }, { at });
const expired = (name: string, expiredAt: Instant, at: Instant) =>
  stored('SeatHoldExpired', { ...hold(name), expiredAt }, { at });
const sold = (name: string, at: Instant) =>
  stored('SeatReserved', { ...hold(name), orderId: order(name), price: 100 }, { at });

const tell = (events: SeatEvents, viewer: Viewer, now = minute(60)) =>
  seatTimeline(events, viewer, performanceId, now);

/** Minji's hold lapsed at 9:05, and Jun bought the seat. */
const taken: SeatEvents = [
  held('Minji', minute(0), minute(5)),
  expired('Minji', minute(5), minute(6)),
  held('Jun', minute(6), minute(11)),
  sold('Jun', minute(7)),
];

describe('a seat that somebody else got', () => {
  it('is explained to the fan who lost it, without naming the other', () => {
    expect(read(tell(taken, fan('Minji')))).toEqual({
      entries: [
        'You held the seat, until 2026-11-01 09:05:00 UTC at most.',
        'Your hold lapsed: the seat was not paid for before the deadline 2026-11-01 09:05:00 UTC.',
        'Another person held the seat, until 2026-11-01 09:11:00 UTC at most. Your hold had lapsed at 2026-11-01 09:05:00 UTC.',
        'The seat was sold to another person.',
      ],
      summary:
        'The seat is sold to another person. Your hold lapsed at 2026-11-01 09:05:00 UTC, before it was paid for, and another person held the seat at 2026-11-01 09:06:00 UTC.',
    });
  });

  it('is explained in Korean', () => {
    expect(read(tell(taken, fan('Minji')), 'ko')).toEqual({
      entries: [
        '고객님이 좌석을 선점했습니다. 선점은 2026-11-01 09:05:00 UTC까지 유효합니다.',
        '고객님의 선점이 만료되었습니다. 기한인 2026-11-01 09:05:00 UTC까지 결제가 완료되지 않았습니다.',
        '다른 고객이 좌석을 선점했습니다. 선점은 2026-11-01 09:11:00 UTC까지 유효합니다. 고객님의 선점은 2026-11-01 09:05:00 UTC에 만료되었습니다.',
        '좌석이 다른 고객에게 판매되었습니다.',
      ],
      summary:
        '다른 고객에게 판매된 좌석입니다. 고객님의 선점은 결제되지 않은 채 2026-11-01 09:05:00 UTC에 만료되었고, 다른 고객이 2026-11-01 09:06:00 UTC에 선점했습니다.',
    });
  });

  it('shows a third fan nobody and no link, and an operator everybody', () => {
    const third = tell(taken, fan('Sora'));
    expect(read(third).summary).toBe('The seat is sold to another person.');
    expect(new Set(third.entries.map(({ who }) => who))).toEqual(new Set(['another person']));
    expect(third.entries.flatMap(({ related }) => related)).toEqual([]);
    const all = tell(taken, operator);
    expect(read(all).summary).toContain(`sold to user ${id('Jun')}. User ${id('Minji')}’s hold lapsed`);
    expect(all.entries.flatMap(({ related }) => related)).toEqual([
      { kind: 'queue-token', performanceId, tokenId: token('Minji') },
      { kind: 'queue-token', performanceId, tokenId: token('Jun') },
      { kind: 'order', orderId: order('Jun') },
    ]);
  });
});

describe('a hold past its deadline', () => {
  const waiting: SeatEvents = [held('Minji', minute(0), minute(5))];

  it('is over although nothing says so yet', () => {
    expect(read(tell(waiting, fan('Minji'), minute(5))).summary).toBe(
      'The seat is free. Your hold lapsed at 2026-11-01 09:05:00 UTC, before it was paid for.',
    );
  });

  it('is not over before', () => {
    const justBefore = '2026-11-01T09:04:59.999Z' as Instant;
    expect(read(tell(waiting, fan('Minji'), justBefore)).summary).toBe(
      'The seat is held by you until 2026-11-01 09:05:00 UTC.',
    );
  });

  it('is forgotten when the same fan holds the seat again', () => {
    const again = [...taken.slice(0, 2), held('Minji', minute(8), minute(90))];
    expect(read(tell(again, fan('Minji'))).summary).toBe(
      'The seat is held by you until 2026-11-01 10:30:00 UTC.',
    );
  });
});

it('says why a hold or a reservation was given up', () => {
  const { userId, holdId } = hold('Minji');
  const events: SeatEvents = [
    stored('SeatHoldReleased', { ...seat, userId, holdId, reason: 'conflict' }),
    stored('SeatHoldReleased', { ...seat, userId, holdId, reason: 'released' }),
    stored('SeatHoldReleased', { ...seat, userId, holdId, reason: 'order-failed' }),
    stored('SeatHoldReleased', { ...seat, userId, holdId, reason: 'schedule-cancelled' }),
    stored('SeatHoldReleased', { ...seat, userId, holdId, reason: 'hall-changed' }),
    stored('SeatReservationCancelled', {
      ...seat,
      userId,
      orderId: order('Minji'),
      reason: 'order-cancelled',
    }),
  ];
  expect(read(tell(events, fan('Minji')))).toEqual({
    entries: [
      'Your hold was given up, because one of the seats asked for was no longer free.',
      'Your hold was given up, as asked.',
      'Your hold was given up, because the payment failed.',
      'Your hold was given up, because the organiser cancelled the date.',
      'Your hold was given up, because the date moved to another hall.',
      'Your reservation was undone, because the order was cancelled. The seat was free again.',
    ],
    summary: 'The seat is free.',
  });
  expect(read(tell([], operator)).summary).toBe('Nobody has held this seat yet.');
});
