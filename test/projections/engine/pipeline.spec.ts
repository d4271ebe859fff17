import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UserId } from '../../../src/events/ids.js';
import { DatabaseFailure } from '../../../src/projections/engine/dialect.js';
import type { Projection } from '../../../src/projections/engine/projection.js';
import type { UnitOfWork } from '../../../src/projections/engine/unit-of-work.js';
import { caughtUp, closeAll, emptyModels, History, id, run } from '../history.js';
import { Story } from '../story.js';
import { beforeCommit } from './before-commit.js';
import { createTallies, TallyRow, tallies, tallyTable } from './tally.js';

const moments: (() => void)[] = [];

afterEach(() => {
  // A test that has failed must not leave a commit waiting for ever.
  for (const happen of moments.splice(0)) happen();
  return closeAll();
});

/** So small that a row changed in the batch before is no longer kept. */
const cachedRows = 1;
const batchSize = 2;

async function registrations(count: number) {
  const history = new History();
  const story = new Story(history);
  for (let index = 0; index < count; index++) {
    await story.register(id<UserId>(`user ${index}`), `user${index}`);
  }
  const models = await emptyModels();
  await createTallies(models);
  return { history, models };
}

/** Keeps one row for everybody and one for each, and tells of each event before it changes anything. */
function counting(heard: (loginId: string) => void, also?: (rows: UnitOfWork) => Promise<void>): Projection {
  return {
    name: 'counting',
    version: 1,
    entities: [TallyRow],
    on: {
      async UserRegistered({ data }, rows) {
        heard(data.loginId);
        const all = await rows.get(TallyRow, { name: 'all' });
        rows.put(TallyRow, { name: 'all', events: (all?.events ?? 0) + 1 });
        rows.put(TallyRow, { name: data.loginId, events: 1 });
        await also?.(rows);
      },
    },
  };
}

/** Something that happens once. */
function moment(): { readonly happened: Promise<void>; readonly happen: () => void } {
  let happen = (): void => undefined;
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  moments.push(happen);
  return { happened, happen };
}

const ofFive = { all: 5, user0: 1, user1: 1, user2: 1, user3: 1, user4: 1 };

it('folds a batch while the one before is being written, and knows what that one changed', async () => {
  const { history, models } = await registrations(5);
  const second = moment();
  // Written only once the next batch is being folded: were one to wait for the other, nothing would go on.
  const dialect = beforeCommit(models, () => second.happened);
  const heard = (loginId: string) => loginId === 'user2' && second.happen();
  const runner = run(history, models, { projections: [counting(heard)], batchSize, cachedRows, dialect });
  await caughtUp(history, runner);
  expect(await tallies(models)).toEqual(ofFive);
});

it('keeps nothing of a batch when the one before could not be written', async () => {
  const { history, models } = await registrations(5);
  const second = moment();
  let failures = 1;
  const dialect = beforeCommit(models, async () => {
    await second.happened;
    if (failures-- > 0) throw new DatabaseFailure('power cut');
  });
  const heard = (loginId: string) => loginId === 'user2' && second.happen();
  const runner = run(history, models, {
    projections: [counting(heard)],
    batchSize,
    cachedRows,
    dialect,
  });
  await caughtUp(history, runner);
  expect(await tallies(models)).toEqual(ofFive);
  expect((await runner.status()).projections).toMatchObject([{ eventsApplied: 5 }]);
});

it('keeps the batch before when an event of the next one cannot be applied', async () => {
  const { history, models } = await registrations(5);
  const second = moment();
  const dialect = beforeCommit(models, () => second.happened);
  const heard = (loginId: string): void => {
    if (loginId !== 'user2') return;
    second.happen();
    throw new Error('cannot be');
  };
  const runner = run(history, models, { projections: [counting(heard)], batchSize, cachedRows, dialect });
  expect(await runner.waitFor((await history.store.head()) ?? 0, { timeoutMs: 20_000 })).toBe(false);
  expect(await tallies(models)).toEqual({ all: 2, user0: 1, user1: 1 });
  expect((await runner.status()).projections).toMatchObject([{ parked: { event: { revision: 0 } } }]);
});

it('finds rows by other columns as the batch before has left them', async () => {
  const { history, models } = await registrations(5);
  const second = moment();
  const dialect = beforeCommit(models, () => second.happened);
  const heard = (loginId: string) => loginId === 'user2' && second.happen();
  const found: string[] = [];
  const look = async (rows: UnitOfWork): Promise<void> => {
    if (found.length < 2) {
      // The first batch writes nothing before its end.
      found.push('');
      return;
    }
    const users = await rows.select(TallyRow, { equal: { events: 1 }, orderBy: 'name', limit: 9 });
    found.push(users.map(({ name }) => name).join());
  };
  const projections = [counting(heard, look)];
  await caughtUp(history, run(history, models, { projections, batchSize, cachedRows, dialect }));
  expect(found).toEqual([
    '',
    '',
    'user0,user1,user2',
    'user0,user1,user2,user3',
    'user0,user1,user2,user3,user4',
  ]);
  expect(await tallies(models)).toEqual(ofFive);
});

it('waits for a batch that wrote rows before its end: they are nowhere to be looked up', async () => {
  const { history, models } = await registrations(5);
  const dialect = beforeCommit(models, async () => {
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  });
  const writeEarly = async (rows: UnitOfWork): Promise<void> => {
    await rows.select(TallyRow, { equal: { events: 0 }, orderBy: 'name', limit: 1 });
  };
  const projections = [counting(() => undefined, writeEarly)];
  await caughtUp(history, run(history, models, { projections, batchSize, cachedRows, dialect }));
  expect(await tallies(models)).toEqual(ofFive);
});

it('reads rows as they are committed while a transaction has changed them', async () => {
  const { models } = await registrations(0);
  const { dialect, write } = models;
  const committed = () => dialect.committedRows(write, tallyTable, tallyTable.name, [['all'], ['none']]);
  await dialect.withSession(write, async (session) => {
    await session.begin();
    await session.upsert(tallyTable, tallyTable.name, [{ name: 'all', events: 1 }]);
    expect(await committed()).toEqual([]);
    await session.commit();
  });
  expect(await committed()).toEqual([{ name: 'all', events: 1 }]);
});
