import fc from 'fast-check';
import { streams } from '../../src/events/streams.js';
import type { Dialect } from '../../src/projections/engine/dialect.js';
import type { AnyRow } from '../../src/projections/engine/entity.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { bySize } from '../services/test-size.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, project, rowsOf, run } from './history.js';
import { mina, performanceId, Story, scheduleId, seat, venueId } from './story.js';

afterEach(closeAll);

/** The models' dialect, with a note of how many rows each answer of the database had. */
function withRowCounts(models: ReadModels): { dialect: Dialect; answers: number[] } {
  const answers: number[] = [];
  const noted = async (rows: Promise<AnyRow[]>) => {
    answers.push((await rows).length);
    return rows;
  };
  const dialect: Dialect = {
    ...models.dialect,
    withSession: (dataSource, work) =>
      models.dialect.withSession(dataSource, (session) =>
        work({
          begin: () => session.begin(),
          commit: () => session.commit(),
          rollback: () => session.rollback(),
          run: (sql, parameters) => session.run(sql, parameters),
          insertIfMissing: (table, name, row) => session.insertIfMissing(table, name, row),
          upsert: (table, name, rows) => session.upsert(table, name, rows),
          delete: (table, name, key) => session.delete(table, name, key),
          select: (table, name, selection) => noted(session.select(table, name, selection)),
          all: async (sql, parameters) => {
            const found = await session.all(sql, parameters);
            answers.push(found.length);
            return found;
          },
          rowsByKey: (table, name, keys) => noted(session.rowsByKey(table, name, keys)),
        }),
      ),
  };
  return { dialect, answers };
}

/** A hall of sections with 300 VIP seats each, all of them held on one date. */
async function fullHall(sections: readonly string[]) {
  const history = new History();
  const story = new Story(history);
  const seats = Array.from({ length: 300 }, () => 'VIP');
  await story.venue();
  for (const section of sections) await story.section(section, seats);
  await story.performance([{ category: 'VIP', price: 150 }]);
  await story.schedule();
  for (const section of sections) {
    for (const index of seats.keys()) await story.hold(mina, `${section}-${index + 1}`, 'h');
  }
  return { history, story, seats };
}

/** Applies the history, then what `change` appends, and counts the rows the database answers for the second part. */
async function rowsReadFor(history: History, change: () => Promise<unknown>) {
  const models = await emptyModels();
  const { dialect, answers } = withRowCounts(models);
  const first = run(history, models);
  await caughtUp(history, first);
  await first.stop();
  await change();
  await caughtUp(history, run(history, models, { dialect, batchSize: 1 }));
  return { models, total: answers.reduce((sum, rows) => sum + rows, 0) };
}

it('reads no taken seat when a section is published again with the same categories', async () => {
  const { history, story, seats } = await fullHall(['A', 'B', 'C', 'D', 'E']);
  const { models, total } = await rowsReadFor(history, () => story.section('A', seats));
  expect(await rowsOf(models, 'schedules')).toMatchObject([
    { capacity: 1_500, held_seats: 1_500, available_seats: 0 },
  ]);
  // The section's own 300 seats, and a row each of venue, sections, date and performance.
  expect(total).toBeLessThan(400);
});

it('reads no taken seat when a third of a section is withdrawn: the database counts them', async () => {
  const { history, story, seats } = await fullHall(['A', 'B', 'C', 'D', 'E']);
  const { models, total } = await rowsReadFor(history, () => story.section('A', seats.slice(100)));
  expect(await rowsOf(models, 'schedules')).toMatchObject([
    { capacity: 1_400, held_seats: 1_400, available_seats: 0 },
  ]);
  expect(total).toBeLessThan(500);
});

it('reads no taken seat when only the prices of categories change', async () => {
  const { history, story } = await fullHall(['A', 'B', 'C', 'D', 'E']);
  const change = () => story.performance([{ category: 'VIP', price: 170 }]);
  const { models, total } = await rowsReadFor(history, change);
  expect(await rowsOf(models, 'schedules')).toMatchObject([{ capacity: 1_500, held_seats: 1_500 }]);
  expect(total).toBeLessThan(100);
});

it('reads no taken seat when a category goes off sale: the database counts them', async () => {
  const { history, story } = await fullHall(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']);
  const change = () => story.performance([{ category: 'R', price: 170 }]);
  const { models, total } = await rowsReadFor(history, change);
  expect(await rowsOf(models, 'schedules')).toMatchObject([
    { capacity: 0, held_seats: 0, taken_seats: 2_400, available_seats: 0 },
  ]);
  const seats = await rowsOf<{ for_sale: number }>(models, 'schedule_seats');
  expect(seats.filter((row) => row.for_sale === 1)).toHaveLength(0);
  expect(total).toBeLessThan(100);
});

it('counts 30,000 taken seats by whatever goes off sale and comes back', async () => {
  const sections = Array.from({ length: 20 }, (_, index) => `S${index}`);
  const categoryOf = (index: number) => (index % 3 === 0 ? 'VIP' : 'R');
  const plan = Array.from({ length: 1_500 }, (_, index) => categoryOf(index));
  const all = ['VIP', 'R'].map((category) => ({ category, price: 100 }));
  const history = new History();
  const story = new Story(history);
  await story.venue();
  /** A section of two rows: one row has 1,000 seats at most. */
  const publish = (sectionId: string, categories: readonly string[]) => {
    const seats = categories.map((category, index) => ({
      seatId: seat(`${sectionId}-${index + 1}`),
      number: String(index + 1),
      category,
      x: index,
      y: 1,
    }));
    const rows = [
      { label: '1', seats: seats.slice(0, 750) },
      { label: '2', seats: seats.slice(750) },
    ];
    const data = { venueId, sectionId, name: sectionId, rows };
    return history.add(streams.venue(venueId), { type: 'SectionPublished', data });
  };
  for (const section of sections) await publish(section, plan);
  await story.performance(all);
  await story.schedule();
  for (const section of sections) {
    for (const index of plan.keys()) {
      const name = `${section}-${index + 1}`;
      await story.hold(mina, name, 'h');
      if (index % 10 === 0) await story.reserve(mina, name, 'h', 'o');
    }
  }
  const models = await emptyModels();
  const runner = run(history, models);
  const counts = async () => {
    await caughtUp(history, runner);
    const [row] = await rowsOf(models, 'schedules');
    return row;
  };
  const whole = { capacity: 30_000, held_seats: 27_000, reserved_seats: 3_000, taken_seats: 30_000 };
  expect(await counts()).toMatchObject(whole);

  await story.performance([{ category: 'VIP', price: 100 }]);
  const ofVip = { capacity: 10_000, held_seats: 9_000, reserved_seats: 1_000, taken_seats: 30_000 };
  expect(await counts()).toMatchObject(ofVip);
  await story.performance([
    { category: '*', price: 100 },
    { category: 'R', price: null },
  ]);
  expect(await counts()).toMatchObject(ofVip);
  await story.performance(all);
  expect(await counts()).toMatchObject(whole);

  // A plan is published again section by section, its seats in other categories.
  const other = plan.map(() => 'X');
  for (const section of sections) await publish(section, other);
  expect(await counts()).toMatchObject({
    capacity: 0,
    held_seats: 0,
    reserved_seats: 0,
    taken_seats: 30_000,
  });
  for (const section of sections) await publish(section, plan);
  expect(await counts()).toMatchObject(whole);
  expect(await countAgain(models)).toMatchObject(whole);
});

it('does not count a seat that is given back after it went off sale, in the same batch or a later one', async () => {
  const { history, story } = await fullHall(['A']);
  const models = await emptyModels();
  const runner = run(history, models);
  await story.performance([{ category: 'R', price: 170 }]);
  await story.release(mina, 'A-1', 'h');
  await caughtUp(history, runner);
  expect(await rowsOf(models, 'schedules')).toMatchObject([{ held_seats: 0, taken_seats: 299 }]);
  await story.release(mina, 'A-2', 'h');
  await caughtUp(history, runner);
  expect(await rowsOf(models, 'schedules')).toMatchObject([{ held_seats: 0, taken_seats: 298 }]);
});

it('counts a taken seat that moves to another section by its category there', async () => {
  const { history, story } = await fullHall(['A', 'B']);
  const published = (sectionId: string, seatIds: readonly string[], category = 'VIP') => {
    const seats = seatIds.map((name, x) => ({ seatId: seat(name), number: `${x}`, category, x, y: 1 }));
    const data = { venueId, sectionId, name: sectionId, rows: [{ label: '1', seats }] };
    return history.add(streams.venue(venueId), { type: 'SectionPublished', data });
  };
  await published('A', ['A-1']);
  const afterwards = async () => (await rowsOf(await project(history), 'schedules'))[0];
  expect(await afterwards()).toMatchObject({ capacity: 301, held_seats: 301 });
  await published('B', ['A-2', 'B-1']);
  expect(await afterwards()).toMatchObject({ capacity: 3, held_seats: 3, available_seats: 0 });
  await published('B', ['A-1', 'A-2', 'B-1'], 'not for sale');
  await published('A', ['A-9']);
  expect(await afterwards()).toMatchObject({ capacity: 1, held_seats: 1, available_seats: 0 });
  await story.section('A', ['VIP']);
  expect(await afterwards()).toMatchObject({ capacity: 1, held_seats: 1, available_seats: 0 });
});

const categories = fc.constantFrom('VIP', 'R', 'X');
const change = fc.oneof(
  fc.record({
    kind: fc.constant('section' as const),
    section: fc.constantFrom('A', 'B'),
    seats: fc.array(categories, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('withdraw' as const), section: fc.constantFrom('A', 'B') }),
  fc.record({ kind: fc.constant('prices' as const), priced: fc.subarray(['VIP', 'R', '*']) }),
  fc.record({ kind: fc.constant('schedule' as const) }),
  fc.record({
    kind: fc.constantFrom('hold' as const, 'release' as const, 'reserve' as const),
    name: fc.constantFrom('A-1', 'A-2', 'A-3', 'A-4', 'B-1', 'B-2', 'B-3', 'B-4'),
  }),
);

it('gives, after any changes, the same counts as counting every seat again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 25 }), async (changes) => {
      const history = new History();
      const story = new Story(history);
      await story.concert();
      for (const one of changes) {
        if (one.kind === 'section') await story.section(one.section, one.seats);
        else if (one.kind === 'withdraw') {
          const data = { venueId, sectionId: one.section };
          await history.add(streams.venue(venueId), { type: 'SectionWithdrawn', data });
        } else if (one.kind === 'prices') {
          await story.performance(one.priced.map((category) => ({ category, price: 100 })));
        } else if (one.kind === 'schedule') await story.schedule();
        else if (one.kind === 'hold') await story.hold(mina, one.name, 'h');
        else if (one.kind === 'release') await story.release(mina, one.name, 'h');
        else await story.reserve(mina, one.name, 'h', 'o');
      }
      const models = await project(history);
      const [counted] = await rowsOf(models, 'schedules');
      const expected = await countAgain(models);
      await closeAll();
      expect(counted).toMatchObject(expected);
    }),
    { numRuns: bySize(20, 60) },
  );
});

/** The counts of the date by definition: from plan, prices and taken seats. */
async function countAgain(models: ReadModels) {
  const [{ prices } = { prices: '[]' }] = await rowsOf<{ prices: string }>(models, 'performances');
  const priceOf = new Map<string, number | null>(
    (JSON.parse(prices) as { category: string; price: number | null }[]).map((one) => [
      one.category,
      one.price,
    ]),
  );
  const isPriced = (category: string) =>
    (priceOf.has(category) ? priceOf.get(category) : priceOf.get('*')) != null;
  const plan = await rowsOf<{ seat_id: string; category: string; withdrawn: number }>(models, 'seats');
  const forSale = new Set(
    plan.filter((row) => row.withdrawn === 0 && isPriced(row.category)).map((row) => row.seat_id),
  );
  const taken = await rowsOf<{ seat_id: string; status: string; for_sale: number }>(models, 'schedule_seats');
  const count = (status: string) =>
    taken.filter((row) => row.status === status && forSale.has(row.seat_id)).length;
  const [held, reserved] = [count('held'), count('reserved')];
  const capacity = forSale.size;
  return {
    schedule_id: scheduleId,
    capacity,
    held_seats: held,
    reserved_seats: reserved,
    taken_seats: taken.filter(({ status }) => status !== 'free').length,
    available_seats: capacity - held - reserved,
  };
}

it('counts a date that moves to another hall in that hall', async () => {
  const { history } = await fullHall(['A']);
  const other = id<typeof venueId>('another venue');
  const seats = [{ seatId: seat('A-1'), number: '1', category: 'VIP', x: 0, y: 0 }];
  await history.add(streams.venue(other), {
    type: 'SectionPublished',
    data: { venueId: other, sectionId: 'A', name: 'A', rows: [{ label: '1', seats }] },
  });
  const startsAt = minute(10_000);
  await history.add(streams.schedule(scheduleId), {
    type: 'SchedulePublished',
    data: {
      scheduleId,
      performanceId,
      venueId: other,
      startsAt,
      timeZone: 'Asia/Seoul',
      status: 'scheduled',
    },
  });
  expect(await rowsOf(await project(history), 'schedules')).toMatchObject([
    { venue_id: other, capacity: 1, held_seats: 1, taken_seats: 300, available_seats: 0 },
  ]);
});
