import type { PerformanceId, ScheduleId } from '../../src/events/ids.js';
import type { Queries } from '../../src/queries/queries.js';
import { caughtUp, closeAll, History, id, minute, run } from '../projections/history.js';
import { joon, mina, performanceId, Story, scheduleId, venueId } from '../projections/story.js';
import { asking, firstPage } from './asking.js';

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
    nextScheduleAt: minute(10_000),
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
      { scheduleId, capacity: 3, availableSeats: 3, status: 'scheduled', startsAt: minute(10_000) },
    ],
  });
});

it('answers null for what is not there', async () => {
  const { queries } = await asking(new History());
  expect(await queries.venue(venueId)).toBeNull();
  expect(await queries.performance(performanceId)).toBeNull();
  expect(await queries.schedule(scheduleId)).toBeNull();
  expect(await queries.availability(scheduleId)).toBeNull();
  expect(await queries.seatMap(scheduleId)).toBeNull();
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
  expect(await queries.availability(scheduleId)).toEqual({
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
  expect(await queries.seatMap(scheduleId)).toEqual({
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

it('draws one section or one status only', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history, minute(40));
  const names = async (filter: Parameters<Queries['seatMap']>[1]) =>
    (await queries.seatMap(scheduleId, filter))?.sections.flatMap((section) =>
      section.rows.flatMap((row) => row.seats.map((seat) => String(seat.seatId))),
    );
  expect(await names({ section: 'B' })).toEqual(['B-1']);
  expect(await names({ status: 'free' })).toEqual(['A-1']);
  expect(await names({ section: 'A', status: 'not-for-sale' })).toEqual([]);
});

it('draws the new plan as soon as it is published', async () => {
  const { history, story } = await concert();
  const { queries, models } = await asking(history);
  await queries.seatMap(scheduleId);
  await story.section('C', ['VIP']);
  await caughtUp(history, run(history, models));
  const map = await queries.seatMap(scheduleId);
  expect(map?.sections.map((section) => section.sectionId)).toEqual(['A', 'B', 'C']);
});

it('tells commands and imports which seats are in use', async () => {
  const { history } = await partlySold();
  const { queries } = await asking(history);
  expect(await queries.takenSeats(scheduleId, minute(39))).toEqual(new Set(['A-1', 'A-2', 'A-3']));
  expect(await queries.takenSeats(scheduleId, minute(40))).toEqual(new Set(['A-2', 'A-3']));
  expect(await queries.schedulesOfVenue(venueId)).toEqual([scheduleId]);
});
