import {
  findSeat,
  mayCancelUntil,
  type PerformanceDetails,
  performanceDecider,
  planRows,
  priceOf,
  publishedSchedule,
  type ScheduleCommand,
  type ScheduleDetails,
  scheduleDecider,
  venueDecider,
} from '../../src/domain/catalog.js';
import type { PerformanceEvent, ScheduleEvent } from '../../src/events/catalog-events.js';
import {
  type Instant,
  performanceIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  venueIdSchema,
} from '../../src/events/ids.js';
import { at, given, named } from './given.js';

const venueId = named(venueIdSchema, 'hall');
const performanceId = named(performanceIdSchema, 'show');
const details = { venueId, name: 'Hall', location: 'Seoul', timeZone: 'Asia/Seoul', capacity: 2 };
const seat = (id: string) => ({ seatId: seatIdSchema.parse(id), number: '1', category: 'R', x: 0, y: 0 });
const section = (sectionId: string, ...ids: string[]) => ({
  sectionId,
  name: `Section ${sectionId}`,
  rows: [{ label: 'A', seats: ids.map(seat) }],
});
const describeHall = { kind: 'describe', details } as const;
const publish = (...args: Parameters<typeof section>) =>
  ({ kind: 'publish-section', venueId, section: section(...args) }) as const;
const withdraw = (sectionId: string) => ({ kind: 'withdraw-section', venueId, sectionId }) as const;
const described = { type: 'VenuePublished', data: details } as const;
const published = (...args: Parameters<typeof section>) =>
  ({ type: 'SectionPublished', data: { venueId, ...section(...args) } }) as const;

describe('a venue', () => {
  it('appends only what changed', () => {
    expect(given(venueDecider).when(describeHall)).toEqual([described]);
    expect(given(venueDecider, [described]).when(describeHall)).toEqual([]);
    const renamed = { ...describeHall, details: { ...details, name: 'Other' } };
    expect(given(venueDecider, [described]).when(renamed)).toHaveLength(1);
    expect(given(venueDecider, [published('l', 'A-1')]).when(publish('l', 'A-1'))).toEqual([]);
    expect(given(venueDecider, [published('l', 'A-1')]).when(publish('l', 'A-1', 'A-2'))).toHaveLength(1);
  });

  it('does not take a field that is left out for a change from one that is undefined', () => {
    const command = { ...describeHall, details: { ...details, focus: undefined } };
    expect(given(venueDecider, [described]).when(command)).toEqual([]);
  });

  it('withdraws a section once', () => {
    const withdrawn = { type: 'SectionWithdrawn', data: { venueId, sectionId: 'l' } } as const;
    expect(given(venueDecider, [published('l', 'A-1')]).when(withdraw('l'))).toEqual([withdrawn]);
    expect(given(venueDecider, [published('l', 'A-1'), withdrawn]).when(withdraw('l'))).toEqual([]);
    expect(given(venueDecider).when(withdraw('l'))).toEqual([]);
  });

  it('finds its seats where they stand now', () => {
    const before = given(venueDecider, [published('l', 'A-1'), published('r', 'B-1')]).state;
    expect(findSeat(before, seatIdSchema.parse('B-1'))).toMatchObject({ sectionId: 'r', row: 'A' });
    expect(planRows(before)).toEqual([...section('l', 'A-1').rows, ...section('r', 'B-1').rows]);
    const revised = venueDecider.evolve(before, published('r', 'B-2'));
    expect(findSeat(revised, seatIdSchema.parse('B-1'))).toBeUndefined();
    expect(findSeat(revised, seatIdSchema.parse('B-2'))).toBeDefined();
  });
});

describe('performances and schedules', () => {
  const performance: PerformanceDetails = {
    performanceId,
    venueId,
    name: 'Show',
    description: '',
    startDate: '2026-12-24',
    endDate: '2026-12-24',
    prices: [
      { category: 'R', price: 100 },
      { category: 'free', price: 0 },
      { category: 'house', price: null },
    ],
    sales: {
      opensAt: null,
      seatLimitPerUser: 4,
      queueCapacity: 10,
      maxActive: 10,
      admitPerSecond: 1,
      claimWindowMs: 1_000,
      serviceWindowMs: 1_000,
      holdTtlMs: 1_000,
      closesAt: null,
      cancelBeforeStartMs: 0,
      refundWindowMs: 604_800_000,
    },
    seedHash: 'ab'.repeat(32),
  };
  const schedule = {
    scheduleId: named(scheduleIdSchema, 's'),
    performanceId,
    venueId,
    startsAt: at(0),
    timeZone: 'Asia/Seoul',
    status: 'scheduled',
  } as const;

  it('append only when something changed', () => {
    const [first] = given(performanceDecider).when(performance);
    expect(first).toEqual({ type: 'PerformancePublished', data: performance });
    const event: PerformanceEvent = { type: 'PerformancePublished', data: performance };
    const shown = given(performanceDecider, [event]);
    expect(shown.when({ ...performance })).toEqual([]);
    expect(shown.when({ ...performance, description: 'new' })).toHaveLength(1);
    const publish = (details: ScheduleDetails) =>
      ({ kind: 'publish', details, refundWindowMs: 1_000, reason: 'cancelled by the organiser' }) as const;
    expect(given(scheduleDecider).when(publish(schedule))).toHaveLength(1);
    const planned = given(scheduleDecider, [{ type: 'SchedulePublished', data: schedule }]);
    expect(planned.when(publish({ ...schedule }))).toEqual([]);
    const cancelled = planned.when(publish({ ...schedule, status: 'cancelled' }));
    expect(cancelled).toMatchObject([{ type: 'SchedulePublished' }, { type: 'ScheduleCancelled' }]);
  });

  describe('of a date', () => {
    const planned: ScheduleEvent = { type: 'SchedulePublished', data: schedule };
    const names = { scheduleId: schedule.scheduleId, performanceId: schedule.performanceId };
    const cancelled: ScheduleEvent = { type: 'ScheduleCancelled', data: { ...names, reason: 'illness' } };
    const settled: ScheduleEvent = { type: 'ScheduleCancellationSettled', data: names };
    const window = (until: Instant): ScheduleEvent => ({
      type: 'RefundWindowOpened',
      data: { ...names, until, cause: 'date-moved' },
    });
    const publish = (change: Partial<ScheduleDetails>) =>
      ({
        kind: 'publish',
        details: { ...schedule, ...change },
        refundWindowMs: 1_000,
        reason: 'cancelled by the organiser',
      }) as const;
    const cancel = { kind: 'cancel', reason: 'illness' } as const;
    const settle = { kind: 'settle' } as const;

    it('cancel it once, for good, and settle that once', () => {
      expect(given(scheduleDecider, [planned]).when(cancel)).toEqual([cancelled]);
      expect(given(scheduleDecider, [planned, cancelled]).when(cancel)).toEqual([]);
      expect(given(scheduleDecider, [planned, cancelled]).when(publish({}))).toBe('not-on-sale');
      expect(given(scheduleDecider, [planned]).when(settle)).toEqual([]);
      expect(given(scheduleDecider, [planned, cancelled]).when(settle)).toEqual([settled]);
      expect(given(scheduleDecider, [planned, cancelled, settled]).when(settle)).toEqual([]);
      expect(given(scheduleDecider).when(cancel)).toBe('schedule-unknown');
    });

    it('open a window for refunds when it moves, and never make one shorter', () => {
      const moved = publish({ startsAt: at(9_000) });
      const [, opened] = given(scheduleDecider, [planned]).when(moved, at(2_000));
      expect(opened).toEqual(window(at(3_000)));
      const later = given(scheduleDecider, [planned, window(at(5_000))]).when(moved, at(2_000));
      expect(later).toHaveLength(1);
      const typesOf = (command: ScheduleCommand) => {
        const decided = given(scheduleDecider, [planned]).when(command, at(2_000));
        return typeof decided === 'string' ? decided : decided.map(({ type }) => type);
      };
      expect(typesOf({ ...moved, refundWindowMs: 0 })).toEqual(['SchedulePublished']);
      const movedAndCancelled = publish({ startsAt: at(9_000), status: 'cancelled' });
      expect(typesOf(movedAndCancelled)).toEqual(['SchedulePublished', 'ScheduleCancelled']);
      const open = { kind: 'open-refund-window', until: at(4_000), cause: 'operator', note: 'x' } as const;
      expect(given(scheduleDecider, [planned, window(at(5_000))]).when(open)).toEqual([]);
      expect(given(scheduleDecider, [planned, window(at(3_000))]).when(open)).toEqual([
        { type: 'RefundWindowOpened', data: { ...names, until: at(4_000), cause: 'operator', note: 'x' } },
      ]);
    });

    it('say until when tickets may be given back', () => {
      const on = (...events: ScheduleEvent[]) => {
        const published = publishedSchedule(
          events.reduce(scheduleDecider.evolve, scheduleDecider.initialState),
        );
        if (!published) throw new Error('it was not published');
        return published;
      };
      const day: ScheduleEvent = { type: 'SchedulePublished', data: { ...schedule, startsAt: at(10_000) } };
      const strict = { ...performance, sales: { ...performance.sales, cancelBeforeStartMs: 4_000 } };
      expect(mayCancelUntil(performance, on(day))).toBe(at(10_000));
      expect(mayCancelUntil(strict, on(day))).toBe(at(6_000));
      expect(mayCancelUntil(strict, on(day, window(at(8_000))))).toBe(at(8_000));
      expect(mayCancelUntil(performance, on(day, window(at(8_000))))).toBe(at(10_000));
      expect(mayCancelUntil(strict, on(day, cancelled)) > at(10_000)).toBe(true);
    });
  });

  it('price a seat by its category, or by the price of all others', () => {
    expect(priceOf(performance, 'R')).toBe(100);
    expect(priceOf(performance, 'free')).toBe(0);
    expect(priceOf(performance, 'house')).toBeUndefined();
    expect(priceOf(performance, 'S')).toBeUndefined();
    const rest = { ...performance, prices: [...performance.prices, { category: '*', price: 50 }] };
    expect(priceOf(rest, 'S')).toBe(50);
    expect(priceOf(rest, 'R')).toBe(100);
    expect(priceOf(rest, 'house')).toBeUndefined();
  });
});
