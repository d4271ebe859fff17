import { logHistories } from '../../src/analysis/history/log-histories.js';
import type { Position } from '../../src/event-store/port.js';
import { type PerformanceEvent, planSeatSchema } from '../../src/events/catalog-events.js';
import { type PerformanceId, type ScheduleId, toInstant } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { encodeCursor, InvalidCursor } from '../../src/queries/paging.js';
import { openQueries, type Queries } from '../../src/queries/queries.js';
import type { SeatMapFilter } from '../../src/queries/seating-plans.js';
import { caughtUp, closeAll, History, id, minute, run } from '../projections/history.js';
import { joon, mina, performanceId, Story, scheduleId, venueId } from '../projections/story.js';
import { asking, availabilityOf, clockAt, firstPage, seatMapOf } from './asking.js';

afterEach(closeAll);

async function concert() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  return { history, story };
}

it('describes a venue in the language asked for', async () => {
  const { queries } = await asking((await concert()).history);
  expect(await queries.venue(venueId, 'ko')).toEqual({
    venueId,
    name: '올림픽홀',
    names: { ko: '올림픽홀' },
    location: 'Seoul',
    timeZone: 'Asia/Seoul',
    capacity: 8,
    seatCount: 4,
    sections: [
      { sectionId: 'A', name: 'Section A', seatCount: 3 },
      { sectionId: 'B', name: 'Section B', seatCount: 1 },
    ],
    focus: { x: 5, y: 0 },
    decorations: [],
  });
  expect(await queries.venue(venueId, 'en')).toMatchObject({ name: 'Olympic Hall' });
});

it('describes a performance with prices, rules and dates', async () => {
  const { queries } = await asking((await concert()).history);
  expect(await queries.performance(performanceId)).toMatchObject({
    performanceId,
    name: 'Autumn Night',
    venue: { venueId, name: 'Olympic Hall', location: 'Seoul' },
    timeZone: 'Asia/Seoul',
    nextScheduleAt: minute(10_000),
    nextScheduleAtLocal: '2026-11-08T16:40:00+09:00',
    scheduleCount: 1,
    priceFrom: 90,
    priceTo: 150,
    salesOpensAt: null,
    prices: [
      { category: 'VIP', label: 'VIP 석', price: 150, color: null },
      { category: '*', label: '*', price: 90, color: null },
      { category: 'X', label: 'X', price: null, color: null },
    ],
    sales: { maxActive: 2, holdTtlMs: 300_000 },
    schedules: [
      {
        scheduleId,
        capacity: 3,
        availableSeats: 3,
        status: 'scheduled',
        startsAt: minute(10_000),
        startsAtLocal: '2026-11-08T16:40:00+09:00',
        timeZone: 'Asia/Seoul',
      },
    ],
  });
});

it('answers null for what is not there', async () => {
  const { queries } = await asking(new History());
  expect(await queries.venue(venueId)).toBeNull();
  expect(await queries.performance(performanceId)).toBeNull();
  expect(await queries.schedule(scheduleId)).toBeNull();
  expect(await availabilityOf(queries, scheduleId)).toBeNull();
  expect(await seatMapOf(queries, scheduleId)).toBeNull();
});

describe('finding performances', () => {
  const found = async (filter: Parameters<Queries['performances']>[0]) => {
    const { queries } = await asking((await concert()).history);
    return (await queries.performances(filter, firstPage)).items.length;
  };

  it.each(['', 'autumn', 'AUTUMN night', '가을', 'strings olympic'])('finds %j', async (search) => {
    expect(await found({ search })).toBe(1);
  });

  it.each(['autumn winter', '%', '_utumn', 'a%n'])('does not find %j', async (search) => {
    expect(await found({ search })).toBe(0);
  });

  it('takes dates as overlap', async () => {
    expect(await found({ from: '2026-11-22', to: '2026-12-31' })).toBe(1);
    expect(await found({ from: '2026-11-23' })).toBe(0);
    expect(await found({ to: '2026-11-20' })).toBe(1);
    expect(await found({ to: '2026-11-19' })).toBe(0);
  });
});

const minutesADay = 24 * 60;

it('pages through the dates of a performance in order', async () => {
  const { history, story } = await concert();
  const dates = [3, 1, 2].map((day) => ({ day, date: id<ScheduleId>(`day ${day}`) }));
  for (const { day, date } of dates) await story.schedule('scheduled', minute(day * minutesADay), date);
  const { queries } = await asking(history);
  const first = await queries.schedules(performanceId, {}, { limit: 3, cursor: null });
  const days = [1, 2, 3].map((day) => minute(day * minutesADay));
  expect(first?.items.map((item) => item.startsAt)).toEqual(days);
  const cursor = first?.nextCursor ?? null;
  const second = await queries.schedules(performanceId, {}, { limit: 3, cursor });
  expect(second?.items.map((item) => item.scheduleId)).toEqual([scheduleId]);
  expect(second?.nextCursor).toBeNull();
  const within = async (from: string, to: string) => {
    const page = await queries.schedules(performanceId, { from, to }, firstPage);
    return page?.items.map((item) => item.startsAt);
  };
  expect(await within('2026-11-02', '2026-11-03')).toEqual(days.slice(0, 2));
  expect(await within('2026-11-03', '2026-11-03')).toEqual([days[1]]);
  expect(await queries.schedules(id<PerformanceId>('another'), {}, firstPage)).toBeNull();
});

const instant = (text: string) => toInstant(Date.parse(text));

/** Dates of the performance by when they begin, in Seoul unless another zone is named. */
async function datesAt(...dates: readonly (readonly [startsAt: string, timeZone?: string])[]) {
  const history = new History();
  const story = new Story(history);
  await story.venue();
  await story.performance([{ category: 'VIP', price: 1 }]);
  for (const [text, timeZone = 'Asia/Seoul'] of dates) {
    const date = id<ScheduleId>(text);
    const data = {
      scheduleId: date,
      performanceId,
      venueId,
      startsAt: instant(text),
      timeZone,
      status: 'scheduled',
    } as const;
    await history.add(streams.schedule(date), { type: 'SchedulePublished', data });
  }
  return history;
}

describe('the dates of a day', () => {
  it('are those that begin on it in local time, whatever day it is in UTC', async () => {
    const { queries } = await asking(
      await datesAt(
        ['2026-12-23T14:59:59.999Z'],
        ['2026-12-23T15:00:00.000Z'],
        ['2026-12-24T14:59:59.999Z'],
        ['2026-12-24T15:00:00.000Z'],
        ['2026-12-25T02:00:00.000Z', 'America/New_York'],
      ),
    );
    const days = { from: '2026-12-24', to: '2026-12-24' };
    const found = await queries.schedules(performanceId, days, firstPage);
    expect(found?.items.map(({ startsAtLocal, timeZone }) => [startsAtLocal, timeZone])).toEqual([
      ['2026-12-24T00:00:00+09:00', 'Asia/Seoul'],
      ['2026-12-24T23:59:59+09:00', 'Asia/Seoul'],
      ['2026-12-24T21:00:00-05:00', 'America/New_York'],
    ]);
  });
});

describe('a list of dates', () => {
  const november = (day: number) => `2026-11-${String(day).padStart(2, '0')}T10:00:00.000Z`;
  const all = [1, 2, 3, 4, 5, 6].map(november);

  it('begins with those to come, earliest first, then those that have begun, latest first, on all its pages', async () => {
    const history = await datesAt(...all.map((text) => [text] as const));
    const { queries, models } = await asking(history, instant(november(4)));
    // Three days pass before the second page is asked for.
    const later = openQueries(models.read, { waitFor: async () => true }, clockAt(instant(november(7))));
    for (const limit of [1, 2, 4, 5, 20]) {
      const found: string[] = [];
      let cursor: string | null = null;
      do {
        const asked: Queries = cursor === null ? queries : later;
        const page = await asked.schedules(performanceId, {}, { limit, cursor });
        found.push(...(page?.items.map(({ startsAt }) => startsAt) ?? []));
        cursor = page?.nextCursor ?? null;
      } while (cursor !== null);
      expect(found).toEqual([4, 5, 6, 3, 2, 1].map(november));
    }
    const { schedules } = (await later.performance(performanceId)) ?? {};
    expect(schedules?.map(({ startsAt }) => startsAt)).toEqual(all.toReversed());
  });

  it('takes no cursor of the list of performances', async () => {
    const { queries } = await asking((await concert()).history);
    const cursor = encodeCursor([minute(0), 'ahead', '2026-11-20', performanceId]);
    expect((await queries.performances({}, { limit: 1, cursor })).items).toEqual([]);
    await expect(queries.schedules(performanceId, {}, { limit: 1, cursor })).rejects.toThrow(InvalidCursor);
  });
});

describe('a list of performances', () => {
  /** Performances by name and first and last day, in a hall in Seoul. */
  async function runs(...performances: readonly (readonly [name: string, from: string, to: string])[]) {
    const history = new History();
    const story = new Story(history);
    await story.venue();
    await story.performance([{ category: 'VIP', price: 1 }]);
    const [, published] = await history.store.readAll();
    const details = published?.data as Extract<PerformanceEvent, { type: 'PerformancePublished' }>['data'];
    for (const [name, startDate, endDate] of performances) {
      const performance = id<PerformanceId>(name);
      const data = { ...details, performanceId: performance, name, startDate, endDate };
      await history.add(streams.performance(performance), { type: 'PerformancePublished', data });
    }
    return { history };
  }
  const namesOf = (page: { readonly items: readonly { readonly name: string }[] }) =>
    page.items.map(({ name }) => name);

  it('begins with those that are not over, by first day; then those that are, the last to end first', async () => {
    const { history } = await runs(
      ['over long ago', '2026-01-01', '2026-01-02'],
      ['runs for a year', '2026-01-03', '2026-12-31'],
      ['over yesterday', '2026-01-04', '2026-11-30'],
      ['next month', '2026-12-20', '2026-12-21'],
      ['tomorrow', '2026-12-02', '2026-12-02'],
    );
    const { queries } = await asking(history, instant('2026-12-01T00:00:00.000Z'));
    const expected = [
      'runs for a year',
      'tomorrow',
      'next month',
      'over yesterday',
      'Autumn Night',
      'over long ago',
    ];
    for (const limit of [1, 2, 3, 4, 20]) {
      const found: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await queries.performances({}, { limit, cursor });
        found.push(...namesOf(page));
        ({ nextCursor: cursor } = page);
      } while (cursor !== null);
      expect(found).toEqual(expected);
    }
    expect(namesOf(await queries.performances({ from: '2026-12-21' }, firstPage))).toEqual([
      'runs for a year',
      'next month',
    ]);
  });

  it('counts a performance as over when its last day is over where it is, also after its hall got another zone', async () => {
    const { history } = await runs(['another', '2026-12-30', '2026-12-31']);
    const first = async (queries: Queries) => namesOf(await queries.performances({}, firstPage))[0];
    const { queries, models } = await asking(history, instant('2026-11-22T14:59:59.999Z'));
    const midnight = openQueries(
      models.read,
      { waitFor: async () => true },
      clockAt(instant('2026-11-22T15:00:00.000Z')),
    );
    expect([await first(queries), await first(midnight)]).toEqual(['Autumn Night', 'another']);
    await history.add(streams.venue(venueId), {
      type: 'VenuePublished',
      data: { venueId, name: 'Olympic Hall', location: 'Seoul', timeZone: 'Europe/London', capacity: 8 },
    });
    await caughtUp(history, run(history, models));
    expect(await first(midnight)).toBe('Autumn Night');
  });
});

async function partlySold() {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1', minute(40));
  await story.hold(mina, 'A-2', 'h2', minute(60));
  await story.hold(joon, 'A-3', 'h3');
  await story.reserve(joon, 'A-3', 'h3', 'o');
  return { history, story };
}

it('counts free seats by category and section; a lapsed hold is free', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history, minute(40));
  expect(await availabilityOf(queries, scheduleId)).toEqual({
    scheduleId,
    capacity: 3,
    available: 1,
    held: 1,
    reserved: 1,
    byCategory: [
      { category: 'VIP', label: 'VIP 석', price: 150, capacity: 2, available: 1 },
      { category: 'R', label: 'R', price: 90, capacity: 1, available: 0 },
    ],
    bySection: [
      { sectionId: 'A', name: 'Section A', capacity: 3, available: 1 },
      { sectionId: 'B', name: 'Section B', capacity: 0, available: 0 },
    ],
    position: 9,
  });
});

it('draws every seat with its price and status', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history, minute(40));
  const seat = (seatId: string, category: string, price: number | null, x: number, status: string) => ({
    seatId,
    number: seatId.slice(2),
    category,
    price,
    x,
    y: 1,
    status,
  });
  expect(await seatMapOf(queries, scheduleId)).toEqual({
    scheduleId,
    venueId,
    position: 9,
    sections: [
      {
        sectionId: 'A',
        name: 'Section A',
        rows: [
          {
            label: '1',
            seats: [
              seat('A-1', 'VIP', 150, 0, 'free'),
              seat('A-2', 'VIP', 150, 1, 'held'),
              seat('A-3', 'R', 90, 2, 'reserved'),
            ],
          },
        ],
      },
      {
        sectionId: 'B',
        name: 'Section B',
        rows: [{ label: '1', seats: [seat('B-1', 'X', null, 0, 'not-for-sale')] }],
      },
    ],
    focus: { x: 5, y: 0 },
    decorations: [],
  });
});

it('draws a standing area as a block with the numbers of its places, now and in the past', async () => {
  const { history, story } = await concert();
  const published = await story.standingArea('S', 'R', 300);
  await story.hold(mina, 'S:1', 'h1', minute(40));
  await story.hold(mina, 'S:2', 'h2', minute(60));
  await story.hold(joon, 'S:3', 'h3');
  const position = await story.reserve(joon, 'S:3', 'h3', 'o');
  const { queries } = await asking(history, minute(40));
  const block = { category: 'R', price: 90, x: 5, y: 2, capacity: 300 };
  const area = (counts: object) => ({ sectionId: 'S', name: 'Section S', rows: [], standing: counts });
  const only = { section: 'S' } as const;
  const drawn = area({ ...block, free: 298, held: 1, reserved: 1 });
  for (const status of [undefined, 'free', 'held', 'reserved'] as const) {
    expect((await seatMapOf(queries, scheduleId, { ...only, status }))?.sections).toEqual([drawn]);
  }
  expect((await seatMapOf(queries, scheduleId, { ...only, status: 'not-for-sale' }))?.sections).toEqual([]);
  expect((await availabilityOf(queries, scheduleId))?.bySection).toContainEqual({
    sectionId: 'S',
    name: 'Section S',
    capacity: 300,
    available: 298,
  });
  const past = logHistories(history.store, clockAt(minute(40)));
  const sectionsAt = async (moment: Position) => {
    const then = await past.seatMap(scheduleId, { kind: 'position', position: moment }, only);
    return then.kind === 'known' ? then.reply.sections : then.kind;
  };
  expect(await sectionsAt(published)).toEqual([area({ ...block, free: 300, held: 0, reserved: 0 })]);
  expect(await sectionsAt(position)).toEqual([area({ ...block, free: 297, held: 2, reserved: 1 })]);
});

it('counts and draws more places when the capacity of a standing area is raised, and none without it', async () => {
  const { history, story } = await concert();
  await story.standingArea('S', 'R', 20_000);
  await story.hold(mina, 'S:20000', 'h1');
  const { queries, models } = await asking(history);
  const available = async () => (await availabilityOf(queries, scheduleId))?.available;
  expect(await available()).toBe(3 + 19_999);
  await story.standingArea('S', 'R', 20_010);
  await caughtUp(history, run(history, models));
  expect(await available()).toBe(3 + 20_009);
  await story.section('S', ['VIP']);
  await caughtUp(history, run(history, models));
  expect(await available()).toBe(3 + 1);
});

it('draws one section or one status only', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history, minute(40));
  const names = async (filter: SeatMapFilter) =>
    (await seatMapOf(queries, scheduleId, filter))?.sections.flatMap((section) =>
      section.rows.flatMap((row) => row.seats.map((seat) => String(seat.seatId))),
    );
  expect(await names({ section: 'B' })).toEqual(['B-1']);
  expect(await names({ status: 'free' })).toEqual(['A-1']);
  expect(await names({ section: 'A', status: 'not-for-sale' })).toEqual([]);
});

it('draws what seats are beside their place, those of one feature only, now and in the past', async () => {
  const { history, story } = await concert();
  await story.standingArea('S', 'R', 300);
  const features = {
    'C-1': { wheelchair: true },
    'C-2': { companionOf: 'C-1' },
    'C-3': { restrictedView: true },
  };
  const rows = [
    {
      label: '1',
      seats: Object.entries(features).map(([seatId, of], x) =>
        planSeatSchema.parse({ seatId, number: seatId, category: 'VIP', x, y: 1, ...of }),
      ),
    },
  ];
  const data = { venueId, sectionId: 'C', name: 'Section C', rows };
  await history.add(streams.venue(venueId), { type: 'SectionPublished', data });
  const position = await story.hold(mina, 'C-2', 'h1');
  const { queries } = await asking(history);
  const past = logHistories(history.store, clockAt(minute(40)));
  for (const [feature, seat] of [
    ['wheelchair', { seatId: 'C-1', wheelchair: true }],
    ['companion', { seatId: 'C-2', companionOf: 'C-1' }],
    ['restricted-view', { seatId: 'C-3', restrictedView: true }],
  ] as const) {
    const drawn = [{ sectionId: 'C', rows: [{ label: '1', seats: [seat] }] }];
    expect((await seatMapOf(queries, scheduleId, { feature }))?.sections).toMatchObject(drawn);
    const then = await past.seatMap(scheduleId, { kind: 'position', position }, { feature });
    expect(then.kind === 'known' ? then.reply.sections : then.kind).toMatchObject(drawn);
  }
  expect((await seatMapOf(queries, scheduleId, { section: 'A' }))?.sections[0]?.rows[0]?.seats[0]).toEqual({
    seatId: 'A-1',
    number: '1',
    category: 'VIP',
    price: 150,
    x: 0,
    y: 1,
    status: 'free',
  });
  expect((await queries.holds(mina))[0]?.seats).toMatchObject([{ seatId: 'C-2', companionOf: 'C-1' }]);
});

it('draws the new plan as soon as it is published', async () => {
  const { history, story } = await concert();
  const { queries, models } = await asking(history);
  await seatMapOf(queries, scheduleId);
  await story.section('C', ['VIP']);
  await caughtUp(history, run(history, models));
  const map = await seatMapOf(queries, scheduleId);
  expect(map?.sections.map((section) => section.sectionId)).toEqual(['A', 'B', 'C']);
});

it('tells commands and imports which seats are in use', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history);
  expect(await queries.takenSeats(scheduleId, minute(39))).toEqual(new Set(['A-1', 'A-2', 'A-3']));
  expect(await queries.takenSeats(scheduleId, minute(40))).toEqual(new Set(['A-2', 'A-3']));
  expect(await queries.schedulesOfVenue(venueId)).toEqual([scheduleId]);
});

it('shows a seat that comes back later as held until then', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1', minute(30), { returnDelayMs: 90_000 });
  await story.hold(joon, 'A-2', 'h2', minute(500), { returnDelayMs: 90_000 });
  await story.release(joon, 'A-2', 'h2', { availableFrom: minute(40) });
  const { queries } = await asking(history, minute(31));
  const taken = async (at: number) => [...(await queries.takenSeats(scheduleId, minute(at)))].sort();
  // The hold lapses at 30, and 90 seconds later it is 31:30.
  expect(await taken(30)).toEqual(['A-1', 'A-2']);
  expect(await taken(31)).toEqual(['A-1', 'A-2']);
  expect(await taken(32)).toEqual(['A-2']);
  expect(await taken(40)).toEqual([]);
  const board = await queries.seatBoard(scheduleId);
  expect(board?.takenSeats(Date.parse(minute(39)))).toEqual(new Map([['A-2', 'held']]));
  expect([...(board?.returns() ?? [])]).toEqual([['A-2', Date.parse(minute(40))]]);
  expect(board?.availability(Date.parse(minute(39)))).toMatchObject({ available: 2, held: 1 });
  expect(board?.availability(Date.parse(minute(40)))).toMatchObject({ available: 3, held: 0 });
  expect(await queries.lapsedHolds(minute(60), null, 10)).toMatchObject([{ seatId: 'A-1' }]);
});

describe('cancelled dates', () => {
  it('say how many seats are still held and sold', async () => {
    const { history, story } = await concert();
    for (const name of ['A-1', 'A-2', 'A-3']) await story.hold(mina, name, 'h1');
    for (const name of ['A-1', 'A-2']) await story.reserve(mina, name, 'h1', 'o1');
    await story.cancelDate();
    const { queries } = await asking(history);
    expect(await queries.cancellation(scheduleId)).toMatchObject({ seatsHeld: 1, seatsReserved: 2 });
  });

  it('are listed by pages until they are settled', async () => {
    const { history, story } = await concert();
    const dates = Array.from({ length: 5 }, (_, index) => id<ScheduleId>(`date ${index}`)).sort();
    for (const date of dates) {
      await story.schedule('scheduled', minute(10_000), date);
      await story.cancelDate(date);
    }
    const { queries, models } = await asking(history);
    expect(await queries.cancelledSchedulesToSettle(null, 3)).toEqual(dates.slice(0, 3));
    expect(await queries.cancelledSchedulesToSettle(dates[2] ?? null, 3)).toEqual(dates.slice(3));
    for (const date of dates.slice(1)) await story.settleDate(date);
    await caughtUp(history, run(history, models));
    expect(await queries.cancelledSchedulesToSettle(null, 3)).toEqual(dates.slice(0, 1));
  });

  it('are listed again when a seat is sold after they were settled, also one withdrawn from sale', async () => {
    const { history, story } = await concert();
    await story.cancelDate();
    await story.settleDate();
    await story.section('A', ['VIP', 'VIP']);
    // A-3 is in the plan no longer.
    await story.hold(mina, 'A-3', 'h1');
    await story.reserve(mina, 'A-3', 'h1', 'o1');
    const { queries, models } = await asking(history);
    expect(await queries.cancelledSchedulesToSettle(null, 10)).toEqual([scheduleId]);
    expect(await queries.cancellation(scheduleId)).toMatchObject({ seatsHeld: 0, seatsReserved: 1 });
    await story.cancelReservation(mina, 'A-3', 'o1');
    await caughtUp(history, run(history, models));
    expect(await queries.cancelledSchedulesToSettle(null, 10)).toEqual([]);
    expect(await queries.cancellation(scheduleId)).toMatchObject({ seatsHeld: 0, seatsReserved: 0 });
  });
});
