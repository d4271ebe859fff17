import type { UserId } from '../../../src/events/ids.js';
import { allProjections } from '../../../src/projections/all-projections.js';
import { controlProjections } from '../../../src/projections/engine/checkpoints.js';
import { DatabaseFailure, type Dialect } from '../../../src/projections/engine/dialect.js';
import type { ProjectionRunner } from '../../../src/projections/engine/runner.js';
import { ordersProjection } from '../../../src/projections/orders.js';
import type { RebuildProgress } from '../../../src/projections/rebuild/rebuild-record.js';
import { walletsProjection } from '../../../src/projections/wallet.js';
import { eventually } from '../../services/wait-until.js';
import { createTallies, tallies, tally } from '../engine/tally.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, project, run } from '../history.js';
import { Story } from '../story.js';
import { locationOf } from '../test-databases.js';
import { buy, everyRow, leftOvers, rebuildNow, some } from './rebuilding.js';

afterEach(closeAll);

async function sales(count: number) {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  for (let number = 1; number <= count; number++) await buy(story, number);
  return { history, story };
}

/** Until one projection stands where it should, though others may not. */
async function at(runner: ProjectionRunner, name: string, position: number): Promise<void> {
  for (;;) {
    const { projections } = await runner.status();
    if (projections.some((one) => one.name === name && one.position >= position)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('gives the rows the live tables have, and the projections go on with it', async () => {
  const { history, story } = await sales(3);
  const models = await emptyModels();
  const runner = run(history, models);
  await caughtUp(history, runner);
  const before = await everyRow(models);
  const report = await rebuildNow(history, models);
  expect(report).toMatchObject({ differenceCount: 0, differences: [] });
  const head = await history.store.head();
  expect(report.projections).toEqual(
    allProjections.map(({ name }) => ({
      projection: name,
      comparedAt: head,
      problem: null,
      swappedAt: head,
    })),
  );
  expect(await everyRow(models)).toEqual(before);
  await buy(story, 4);
  await caughtUp(history, runner);
  expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
  expect(await leftOvers(models)).toEqual([]);
});

it('can be done again and again', async () => {
  const { history } = await sales(1);
  const models = await project(history);
  const before = await everyRow(models);
  for (let round = 0; round < 3; round++) await rebuildNow(history, models, { projections: some });
  expect(await everyRow(models)).toEqual(before);
  expect(await leftOvers(models)).toEqual([]);
});

describe('a row that is not what the log makes of it', () => {
  const tamper = "UPDATE points SET remain_point = 1000000 WHERE user_id = '";

  it('is named with both values and the event that decided, and put right', async () => {
    const { history } = await sales(2);
    const models = await project(history);
    const before = await everyRow(models);
    await models.write.query(`${tamper}${id<UserId>('fan 2')}'`);
    const { differenceCount, differences } = await rebuildNow(history, models, { projections: some });
    expect(differenceCount).toBe(1);
    expect(differences).toMatchObject([
      {
        table: 'points',
        key: { user_id: id<UserId>('fan 2') },
        cells: [
          {
            column: 'remain_point',
            expected: 850,
            found: 1_000_000,
            event: { type: 'PointsSpent', revision: 1 },
          },
        ],
      },
    ]);
    expect(await everyRow(models)).toEqual(before);
  });

  it('is left as it is when only a comparison was asked for', async () => {
    const { history } = await sales(2);
    const models = await project(history);
    await models.write.query(`${tamper}${id<UserId>('fan 2')}'`);
    const before = await everyRow(models);
    const report = await rebuildNow(history, models, { projections: some, compareOnly: true });
    expect(report.differenceCount).toBe(1);
    expect(report.projections.every(({ swappedAt }) => swappedAt === null)).toBe(true);
    expect(await everyRow(models)).toEqual(before);
    expect(await leftOvers(models)).toEqual([]);
  });
});

it('neither loses nor doubles an event, nor fails a query, while both sides are in use', async () => {
  const { history, story } = await sales(2);
  const models = await emptyModels();
  const runner = run(history, models);
  await caughtUp(history, runner);
  let isOver = false;
  let queries = 0;
  const write = async (): Promise<void> => {
    for (let number = 3; !isOver; number++) {
      await buy(story, number);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const read = async (): Promise<void> => {
    while (!isOver) {
      const rows = await models.read.query<{ points: number }[]>(
        'SELECT u.user_id, p.remain_point AS points FROM users u LEFT JOIN points p ON p.user_id = u.user_id',
      );
      queries++;
      await new Promise((resolve) => setImmediate(resolve));
      // The two tables are swapped together, so nobody is ever seen without a wallet.
      expect(rows.filter(({ points }) => points === null)).toEqual([]);
    }
  };
  const others = Promise.all([write(), read(), read()]);
  const again = () => rebuildNow(history, models, { projections: some });
  const reports = [await again(), await again()];
  isOver = true;
  await others;
  expect(queries).toBeGreaterThan(0);
  expect(reports.map(({ differenceCount }) => differenceCount)).toEqual([0, 0]);
  await caughtUp(history, runner);
  expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
});

it('goes on where it was interrupted, and begins anew when told to', async () => {
  const { history } = await sales(3);
  const models = await project(history);
  const projections = [walletsProjection, ordersProjection];
  const interruptAt = async (events: number): Promise<number> => {
    const stop = new AbortController();
    let done = 0;
    const onProgress = (progress: RebuildProgress): void => {
      done = progress.events;
      if (done >= events) stop.abort(new Error('interrupted'));
    };
    const options = { projections, signal: stop.signal, onProgress, batchSize: 5 };
    await expect(rebuildNow(history, models, options)).rejects.toThrow('interrupted');
    return done;
  };
  const total = (await rebuildNow(history, models, { projections })).events;
  const done = await interruptAt(10);
  expect((await rebuildNow(history, models, { projections })).events).toBe(total - done);
  await interruptAt(10);
  expect((await rebuildNow(history, models, { projections, restart: true })).events).toBe(total);
});

it('tries the swap again when the database fails on the way to it', async () => {
  const history = new History();
  await buy(new Story(history), 1);
  const models = await project(history);
  let failures = 2;
  const dialect: Dialect = {
    ...models.dialect,
    tableUse: async (...asked) => {
      if (failures-- > 0) throw new DatabaseFailure('the connection was lost');
      return models.dialect.tableUse(...asked);
    },
  };
  const location = locationOf(models);
  const report = await rebuildNow(history, { ...models, dialect }, { location });
  expect(report.projections.every(({ swappedAt }) => swappedAt !== null)).toBe(true);
  expect(await leftOvers(models)).toEqual([]);
});

describe('a projection that stands still', () => {
  async function registrations(count: number) {
    const history = new History();
    const story = new Story(history);
    for (let user = 0; user < count; user++) await story.register(id<UserId>(`user ${user}`), `user${user}`);
    const models = await emptyModels();
    await createTallies(models);
    return { history, story, models, head: (await history.store.head()) ?? 0 };
  }

  it('because another version built its tables goes on with new ones', async () => {
    const { history, story, models, head } = await registrations(3);
    const old = run(history, models, { projections: [tally('t')] });
    await caughtUp(history, old);
    await old.stop();
    const projections = [tally('t', { version: 2, count: (before) => before + 10 })];
    const runner = run(history, models, { projections, lookEveryMs: 5 });
    const report = await rebuildNow(history, models, { projections });
    expect(report.projections).toMatchObject([
      { comparedAt: null, problem: expect.stringContaining('version 1'), swappedAt: head },
    ]);
    const last = await story.register(id<UserId>('user 3'), 'user3');
    await at(runner, 't', last);
    expect(await tallies(models)).toEqual({ t: 40 });
  });

  it('because it was parked goes on with tables that are past the event', async () => {
    const { history, models, head } = await registrations(3);
    let isBroken = true;
    const check = (loginId: string): void => {
      if (isBroken && loginId === 'user1') throw new Error('cannot be');
    };
    const projections = [tally('t', { check })];
    const runner = run(history, models, { projections, lookEveryMs: 5 });
    await eventually(async () => (await runner.status()).projections[0]?.parked !== null);
    await expect(rebuildNow(history, models, { projections })).rejects.toThrow('cannot be');
    isBroken = false;
    await rebuildNow(history, models, { projections });
    await at(runner, 't', head);
    expect(await tallies(models)).toEqual({ t: 3 });
    expect(await runner.status()).toMatchObject({ ready: true });
  });

  it('because it is paused stays paused', async () => {
    const { history, story, models } = await registrations(2);
    const projections = [tally('t')];
    const runner = run(history, models, { projections, lookEveryMs: 5 });
    await caughtUp(history, runner);
    await models.dialect.withSession(models.write, (session) =>
      controlProjections(session, 'pause', ['t'], minute(0)),
    );
    await story.register(id<UserId>('user 2'), 'user2');
    await rebuildNow(history, models, { projections });
    expect(await tallies(models)).toEqual({ t: 3 });
    const again = run(history, models, { projections });
    expect(
      await again.waitFor((await story.register(id<UserId>('user 3'), 'user3')) ?? 0, { timeoutMs: 60_000 }),
    ).toBe(false);
    expect((await again.status()).projections).toMatchObject([{ isPaused: true }]);
  });
});
