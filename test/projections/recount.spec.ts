import fc from 'fast-check';
import type { Dialect, WriteSession } from '../../src/projections/engine/dialect.js';
import type { AnyRow } from '../../src/projections/engine/table.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { caughtUp, closeAll, emptyModels, History, project, rowsOf, run } from './history.js';
import { mina, Story } from './story.js';

afterEach(closeAll);

/** What projecting asked of the database. */
interface Asked {
  statements: number;
  /** Of the answer with most. */
  rows: number;
}

/** The models' dialect, counting. */
function counting(models: ReadModels, asked: Asked): Dialect {
  const one = async <Answer extends readonly AnyRow[] | object | undefined>(
    answer: Promise<Answer>,
  ): Promise<Answer> => {
    const rows = await answer;
    asked.statements++;
    if (Array.isArray(rows)) asked.rows = Math.max(asked.rows, rows.length);
    return rows;
  };
  const wrap = (session: WriteSession): WriteSession => ({
    begin: () => session.begin(),
    commit: () => session.commit(),
    rollback: () => session.rollback(),
    all: (sql, parameters) => one(session.all(sql, parameters)),
    run: (sql, parameters) => one(session.run(sql, parameters)),
    insertIfMissing: (table, name, row) => session.insertIfMissing(table, name, row),
    rowsByKey: (table, name, keys) => one(session.rowsByKey(table, name, keys)),
    upsert: async (table, name, rows) => {
      await session.upsert(table, name, rows);
      asked.statements++;
    },
  });
  return {
    ...models.dialect,
    withSession: (dataSource, work) =>
      models.dialect.withSession(dataSource, (session) => work(wrap(session))),
    committedRows: (...request) => one(models.dialect.committedRows(...request)),
  };
}

describe('a hall with 2,500 taken seats', () => {
  const sizes = { A: 1_000, B: 1_000, C: 500 };
  const category = (number: number): string => (number % 2 === 0 ? 'VIP' : 'R');
  const categories = (size: number) => Array.from({ length: size }, (_, number) => category(number));
  const prices = (vip: number | null) => [
    { category: 'VIP', price: vip },
    { category: '*', price: 90 },
  ];

  /** What one more event asks of the database, and the date's counts afterwards. */
  async function askedBy(event: (story: Story) => Promise<unknown>) {
    const history = new History();
    const story = new Story(history);
    await story.venue();
    for (const [section, size] of Object.entries(sizes)) await story.section(section, categories(size));
    await story.performance(prices(150));
    await story.schedule();
    for (const [section, size] of Object.entries(sizes)) {
      for (let number = 1; number <= size; number++) {
        const seat = `${section}-${number}`;
        await story.hold(mina, seat, `hold ${seat}`);
      }
    }
    const models = await emptyModels();
    const first = run(history, models);
    await caughtUp(history, first);
    await first.stop();
    expect(await rowsOf(models, 'schedules')).toMatchObject([{ capacity: 2_500, held: 2_500 }]);
    await event(story);
    const asked: Asked = { statements: 0, rows: 0 };
    await caughtUp(history, run(history, models, { dialect: counting(models, asked) }));
    const [schedule] = await rowsOf<{ capacity: number; held: number }>(models, 'schedules');
    expect(asked.statements).toBeGreaterThan(0);
    return { asked, schedule };
  }

  it('is counted again a page of seats at a time when prices change', async () => {
    const { asked, schedule } = await askedBy((story) => story.performance(prices(null)));
    expect(schedule).toMatchObject({ capacity: 1_250, held: 1_250, available_seats: 0 });
    expect(asked.rows).toBeLessThanOrEqual(1_000);
    expect(asked.statements).toBeLessThan(50);
  });

  it('is counted again for the seats of a section that changed, when its plan is published again', async () => {
    const changed = categories(sizes.B).fill('X', 0, 10);
    const { asked, schedule } = await askedBy(async (story) => {
      await story.performance([...prices(150), { category: 'X', price: null }]);
      await story.section('B', changed);
    });
    expect(schedule).toMatchObject({ capacity: 2_490, held: 2_490, available_seats: 0 });
    expect(asked.rows).toBeLessThanOrEqual(1_000);
    expect(asked.statements).toBeLessThan(80);
  });
});

it('counts what plan, prices and taken seats say, whatever changes in whatever order', async () => {
  const seats = ['A-1', 'A-2', 'A-3', 'B-1', 'B-2'];
  const categoryOf = fc.constantFrom('VIP', 'R', 'X');
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('section' as const),
      section: fc.constantFrom('A', 'B'),
      categories: fc.array(categoryOf, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('prices' as const),
      free: fc.subarray(['VIP', 'R', 'X']),
    }),
    fc.record({ kind: fc.constant('schedule' as const) }),
    fc.record({ kind: fc.constant('hold' as const), seat: fc.constantFrom(...seats) }),
    fc.record({ kind: fc.constant('release' as const), seat: fc.constantFrom(...seats) }),
    fc.record({ kind: fc.constant('reserve' as const), seat: fc.constantFrom(...seats) }),
  );
  const isTrue = async (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) => {
    const history = new History();
    const story = new Story(history);
    await story.concert();
    for (const one of steps) {
      if (one.kind === 'section') await story.section(one.section, one.categories);
      else if (one.kind === 'schedule') await story.schedule();
      else if (one.kind === 'prices') {
        await story.performance(
          ['VIP', 'R', 'X'].map((name) => ({ category: name, price: one.free.includes(name) ? 100 : null })),
        );
      } else if (one.kind === 'hold') await story.hold(mina, one.seat, 'hold');
      else if (one.kind === 'release') await story.release(mina, one.seat, 'hold');
      else await story.reserve(mina, one.seat, 'hold', 'order');
    }
    const models = await project(history);
    const [counted] = await models.read.query<Record<string, number>[]>(
      `SELECT s.capacity, s.held, s.reserved, s.available_seats FROM schedules s`,
    );
    const [performance] = await rowsOf<{ prices: string }>(models, 'performances');
    const prices: { category: string; price: number | null }[] = JSON.parse(performance?.prices ?? '[]');
    const isSold = (name: string) =>
      (prices.find(({ category }) => category === name) ?? prices.find(({ category }) => category === '*'))
        ?.price != null;
    const plan = await rowsOf<{ seat_id: string; category: string; withdrawn: number }>(models, 'seats');
    const forSale = new Set(
      plan.filter((seat) => seat.withdrawn === 0 && isSold(seat.category)).map(({ seat_id }) => seat_id),
    );
    const taken = await rowsOf<{ seat_id: string; status: string; for_sale: number }>(
      models,
      'schedule_seats',
    );
    for (const seat of taken.filter(({ status }) => status !== 'free')) {
      expect([seat.seat_id, seat.for_sale]).toEqual([seat.seat_id, forSale.has(seat.seat_id) ? 1 : 0]);
    }
    const count = (status: string) =>
      taken.filter((seat) => seat.status === status && forSale.has(seat.seat_id)).length;
    const [held, reserved] = [count('held'), count('reserved')];
    const available_seats = forSale.size - held - reserved;
    expect(counted).toEqual({ capacity: forSale.size, held, reserved, available_seats });
    await closeAll();
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), isTrue), { numRuns: 30 });
});
