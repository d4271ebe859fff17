import { matchSchedules } from '../../src/commands/catalog/match-schedules.js';
import type { PublishedSchedule } from '../../src/domain/catalog.js';
import { instantSchema, performanceIdSchema, scheduleIdSchema, venueIdSchema } from '../../src/events/ids.js';
import { named } from '../domain/given.js';

const timeZone = 'Asia/Seoul';
const idOf = (name: string) => named(scheduleIdSchema, name);
const names = new Map<string, string>();
const dateAt = (name: string, seoulTime: string) => {
  const scheduleId = idOf(name);
  names.set(scheduleId, name);
  const startsAt = instantSchema.parse(new Date(`${seoulTime}:00+09:00`).toISOString());
  return { scheduleId, startsAt, timeZone };
};
const published = (name: string, seoulTime: string): PublishedSchedule => ({
  ...dateAt(name, seoulTime),
  performanceId: named(performanceIdSchema, 'show'),
  venueId: named(venueIdSchema, 'hall'),
  status: 'scheduled',
  cancellation: undefined,
  refundWindowUntil: undefined,
});
const wanted = (name: string, seoulTime: string, isPublished = false) => ({
  ...dateAt(name, seoulTime),
  isPublished,
});

/** Which published date each wanted one is, and which are absent. */
function match(before: readonly PublishedSchedule[], after: readonly ReturnType<typeof wanted>[]) {
  const { sameAs, absent } = matchSchedules(before, after);
  const nameOf = (id: string) => names.get(id) ?? id;
  return {
    same: [...sameAs].map(([unknown, known]) => `${nameOf(unknown)} is ${nameOf(known)}`),
    absent: absent.map(({ scheduleId }) => nameOf(scheduleId)),
  };
}

const matinee = published('matinee', '2026-12-24T15:00');
const evening = published('evening', '2026-12-24T19:30');

describe('a date with an unknown id', () => {
  it('is the only one of its day that is missing', () => {
    expect(match([evening], [wanted('new', '2026-12-24T20:00')])).toEqual({
      same: ['new is evening'],
      absent: [],
    });
  });

  it('is that of the same moment, before days are compared', () => {
    const dates = [wanted('first', '2026-12-24T15:00'), wanted('second', '2026-12-24T20:00')];
    expect(match([matinee, evening], dates)).toEqual({
      same: ['first is matinee', 'second is evening'],
      absent: [],
    });
  });

  it('is a second one when the feed has two unknown dates on a day, or two of that day are missing', () => {
    const two = [wanted('first', '2026-12-24T14:00'), wanted('second', '2026-12-24T20:00')];
    expect(match([evening], two)).toEqual({ same: [], absent: ['evening'] });
    expect(match([matinee, evening], two.slice(1))).toEqual({ same: [], absent: ['matinee', 'evening'] });
  });

  it('is a second one when the date of its day is in the feed, too', () => {
    const dates = [wanted('evening', '2026-12-24T19:30', true), wanted('new', '2026-12-24T22:00')];
    expect(match([evening], dates)).toEqual({ same: [], absent: [] });
  });

  it('is compared by the local day of its venue', () => {
    const night = published('night', '2026-12-25T01:00');
    expect(match([night], [wanted('new', '2026-12-25T19:00')]).same).toEqual(['new is night']);
    expect(match([night], [wanted('new', '2026-12-24T23:00')]).same).toEqual([]);
  });
});

it('a date whose id was published before is no other date, although it was cancelled', () => {
  expect(match([evening], [wanted('cancelled', '2026-12-24T20:00', true)])).toEqual({
    same: [],
    absent: ['evening'],
  });
});
