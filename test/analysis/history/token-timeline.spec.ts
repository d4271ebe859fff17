import type { StoredEventOf } from '../../../src/analysis/history/past-events.js';
import {
  type QueueEvidence,
  type TokenEvents,
  tokenTimeline,
} from '../../../src/analysis/history/token-timeline.js';
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
const token = { tokenId: id<TokenId>('token'), userId: id('Minji'), performanceId };
const joined = stored('TokenRequested', { ...token, entry: 0, numberOfTickets: 2, seatLimit: 4 });
const issued = stored('TokenIssued', { ...token, numberOfTickets: 2 }, { revision: 41 });
const opened = stored('QueueOpened', { performanceId, seed: 'ab'.repeat(32), shuffledCount: 50 });
const admitted = stored('TokensAdmitted', {
  performanceId,
  from: 10,
  to: 20,
  admittedAt: minute(10),
  expiresAt: minute(11),
  nextAt: minute(10),
});
const waiting: QueueEvidence = { issued, drawn: undefined, admitted: undefined };
const letIn: QueueEvidence = { issued, drawn: { event: opened, place: 12 }, admitted };
const entered = stored('TokenEntered', {
  ...token,
  place: 12,
  admittedAt: minute(10),
  expiresAt: minute(20),
});
const expired = (reason: StoredEventOf<'TokenExpired'>['data']['reason']) =>
  stored('TokenExpired', { ...token, reason });
const tell = (later: TokenEvents, queue: QueueEvidence, now: Instant = minute(5), viewer = fan('Minji')) =>
  tokenTimeline([joined, ...later], queue, viewer, now);

describe('a turn that was lost', () => {
  const lost =
    'Your turn was lost: it came at 2026-11-01 09:10:00 UTC, and the time to enter ended at 2026-11-01 09:11:00 UTC.';

  it('because nobody entered in time', () => {
    expect(read(tell([expired('claim-lapsed')], letIn))).toEqual({
      entries: [
        'You joined the queue for 2 tickets.',
        'You got queue number 41.',
        'The queue opened, and the places of fans who had joined before were drawn: you got place 12.',
        'Your turn came, with time to enter until 2026-11-01 09:11:00 UTC.',
        lost,
      ],
      summary: lost,
    });
    expect(read(tell([expired('claim-lapsed')], letIn), 'ko').summary).toBe(
      '고객님의 차례가 지나갔습니다. 2026-11-01 09:10:00 UTC에 차례가 되었지만 2026-11-01 09:11:00 UTC 전까지 입장하지 않았습니다.',
    );
  });

  it('is lost at the deadline, written or not', () => {
    expect(read(tell([], letIn, minute(11))).summary).toBe(lost);
    expect(read(tell([], letIn, minute(10))).summary).toBe(
      'Your turn came, with time to enter until 2026-11-01 09:11:00 UTC.',
    );
  });

  it('because the time inside was over', () => {
    const over = 'Your turn was lost: its time ended at 2026-11-01 09:20:00 UTC without a payment.';
    expect(read(tell([entered, expired('time-used-up')], letIn)).summary).toBe(over);
    expect(read(tell([entered], letIn, minute(20))).summary).toBe(over);
    expect(read(tell([entered], letIn, minute(19))).summary).toBe(
      'You entered, with time until 2026-11-01 09:20:00 UTC.',
    );
  });

  it('because the fan did not pay', () => {
    const summaryOf = (reason: 'idle' | 'unpaid-holds', language: 'en' | 'ko' = 'en') =>
      read(tell([entered, expired(reason)], letIn), language).summary;
    expect(summaryOf('idle')).toBe('Your turn was lost: no seat was held for too long.');
    expect(summaryOf('unpaid-holds')).toBe('Your turn was lost: too many holds ended without a payment.');
    expect(summaryOf('unpaid-holds', 'ko')).toContain('결제하지 않은 선점이 너무 많았습니다');
    expect(summaryOf('idle', 'ko')).toContain('선점하지 않았습니다');
  });

  it('before it came', () => {
    expect(read(tell([expired('queue-full')], waiting)).summary).toBe(
      'Your place was not kept, because the queue was full.',
    );
    expect(read(tell([expired('sale-ended')], waiting)).summary).toBe(
      'Your turn did not come before the sale ended.',
    );
    expect(read(tell([stored('TokenLeft', token)], waiting)).summary).toBe(
      'You left the queue and gave up the place.',
    );
    expect(read(tell([], waiting), 'ko').summary).toBe('고객님의 차례가 아직 오지 않았습니다.');
  });
});

it('a turn that led to seats names them, why they were given back, and the order', () => {
  const hold = { ...token, holdId: id<HoldId>('hold') };
  const seatIds = ['A-1', 'A-2'].map((name) => seatIdSchema.parse(name));
  const scheduleId = id<ScheduleId>('first night');
  const orderId = id<OrderId>('order');
  const asked = stored('SeatsRequested', {
    ...hold,
    scheduleId,
    seatIds,
    request: { kind: 'seats' },
    expiresAt: minute(15),
  });
  const back = (reason: 'expired' | 'conflict') => stored('SeatsReturned', { ...hold, seatIds, reason });
  const events = [
    entered,
    asked,
    back('expired'),
    back('conflict'),
    stored('TokenCompleted', { ...token, orderId }),
  ];
  const timeline = tell(events, { ...waiting, issued: undefined }, minute(16), operator);
  expect(read(timeline).entries.slice(2)).toEqual([
    `User ${id('Minji')} asked for seats A-1, A-2, to be held until 2026-11-01 09:15:00 UTC.`,
    'The hold of seats A-1, A-2 lapsed at 2026-11-01 09:15:00 UTC without a payment.',
    'The hold of seats A-1, A-2 was given up, because one of the seats asked for was no longer free.',
    `User ${id('Minji')} paid: the turn is complete.`,
  ]);
  expect(timeline.entries.flatMap(({ related }) => related)).toEqual([
    { kind: 'seat', scheduleId, seatId: 'A-1' },
    { kind: 'seat', scheduleId, seatId: 'A-2' },
    { kind: 'order', orderId },
  ]);
});
