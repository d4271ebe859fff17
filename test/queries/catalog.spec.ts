import type { ScheduleId } from '../../src/events/ids.js';
import { getAvailability } from '../../src/queries/get-availability.js';
import { getPerformance } from '../../src/queries/get-performance.js';
import { getSchedule } from '../../src/queries/get-schedule.js';
import { getSeatMap } from '../../src/queries/get-seat-map.js';
import { getVenue } from '../../src/queries/get-venue.js';
import { listPerformances } from '../../src/queries/list-performances.js';
import { listSchedules } from '../../src/queries/list-schedules.js';
import { queryPorts } from '../../src/queries/query-ports.js';
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
  const { context } = await asking((await concert()).history);
  expect(await getVenue(context, venueId, 'ko')).toEqual({
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
  expect(await getVenue(context, venueId, 'en')).toMatchObject({ name: 'Olympic Hall' });
});

it('describes a performance with prices, rules and dates', async () => {
  const { context } = await asking((await concert()).history);
  expect(await getPerformance(context, performanceId)).toMatchObject({
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
  const { context } = await asking(new History());
  expect(await getVenue(context, venueId)).toBeNull();
  expect(await getPerformance(context, performanceId)).toBeNull();
  expect(await getSchedule(context, scheduleId)).toBeNull();
  expect(await getAvailability(context, scheduleId)).toBeNull();
  expect(await getSeatMap(context, scheduleId)).toBeNull();
});

describe('finding performances', () => {
  const found = async (filter: Parameters<typeof listPerformances>[1]) => {
    const { context } = await asking((await concert()).history);
    return (await listPerformances(context, filter, firstPage)).items.length;
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

it('pages through the dates of a performance in order', async () => {
  const { history, story } = await concert();
  const dates = [3, 1, 2].map((day) => ({ day, date: id<ScheduleId>(`day ${day}`) }));
  for (const { day, date } of dates) await story.schedule('scheduled', minute(day), date);
  const { context } = await asking(history);
  const first = await listSchedules(context, performanceId, {}, { limit: 3, cursor: null });
  expect(first.items.map((item) => item.startsAt)).toEqual([minute(1), minute(2), minute(3)]);
  const second = await listSchedules(context, performanceId, {}, { limit: 3, cursor: first.nextCursor });
  expect(second.items.map((item) => item.scheduleId)).toEqual([scheduleId]);
  expect(second.nextCursor).toBeNull();
  const range = { from: minute(2), to: minute(3) };
  const within = await listSchedules(context, performanceId, range, firstPage);
  expect(within.items.map((item) => item.startsAt)).toEqual([minute(2)]);
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
  const { context } = await asking(history, minute(40));
  expect(await getAvailability(context, scheduleId)).toEqual({
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
  const { context } = await asking(history, minute(40));
  const seat = (seatId: string, category: string, price: number | null, x: number, status: string) => ({
    seatId,
    number: seatId.slice(2),
    category,
    price,
    x,
    y: 1,
    status,
  });
  expect(await getSeatMap(context, scheduleId)).toEqual({
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
  const { context } = await asking(history, minute(40));
  const names = async (filter: Parameters<typeof getSeatMap>[2]) =>
    (await getSeatMap(context, scheduleId, filter))?.sections.flatMap((section) =>
      section.rows.flatMap((row) => row.seats.map((seat) => String(seat.seatId))),
    );
  expect(await names({ sectionId: 'B' })).toEqual(['B-1']);
  expect(await names({ status: 'free' })).toEqual(['A-1']);
  expect(await names({ sectionId: 'A', status: 'not-for-sale' })).toEqual([]);
});

it('draws the new plan as soon as it is published', async () => {
  const { history, story } = await concert();
  const { context, models } = await asking(history);
  await getSeatMap(context, scheduleId);
  await story.section('C', ['VIP']);
  await caughtUp(history, run(history, models));
  const map = await getSeatMap(context, scheduleId);
  expect(map?.sections.map((section) => section.sectionId)).toEqual(['A', 'B', 'C']);
});

it('tells commands and imports which seats are in use', async () => {
  const { history } = await partlySold();
  const { models } = await asking(history);
  const ports = queryPorts(models.read);
  expect((await ports.unavailableSeats(scheduleId, minute(39))).sort()).toEqual(['A-1', 'A-2', 'A-3']);
  expect((await ports.unavailableSeats(scheduleId, minute(40))).sort()).toEqual(['A-2', 'A-3']);
  expect(await ports.schedulesOfVenue(venueId)).toEqual([
    { scheduleId, performanceId, startsAt: minute(10_000), status: 'scheduled' },
  ]);
});
