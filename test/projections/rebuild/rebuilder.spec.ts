import { randomUUID } from 'node:crypto';
import type { Instant } from '../../../src/events/ids.js';
import { allProjections } from '../../../src/projections/all-projections.js';
import type { WriteSession } from '../../../src/projections/engine/dialect.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';
import {
  addRebuild,
  cancelRebuild,
  claimRebuild,
  findRebuild,
  type RebuildRow,
  renewLease,
} from '../../../src/projections/rebuild/rebuild-record.js';
import { Rebuilder } from '../../../src/projections/rebuild/rebuilder.js';
import { swapTables } from '../../../src/projections/rebuild/shadow-tables.js';
import { eventually } from '../../services/wait-until.js';
import { caughtUp, closeAll, emptyModels, History, minute, project, run } from '../history.js';
import { Story } from '../story.js';
import { locationOf } from '../test-databases.js';
import { deaths, dying } from './dying.js';
import { buy, everyRow, leftOvers, rebuildNow, some } from './rebuilding.js';

const rebuilders: Rebuilder[] = [];
afterEach(async () => {
  await Promise.all(rebuilders.splice(0).map((rebuilder) => rebuilder.stop()));
  await closeAll();
});

const quiet = { info: () => undefined, warn: () => undefined };
const muchLater = minute(24 * 60);

/** Looks after rebuilds as a process that projects does, at one moment. */
function lookAfter(history: History, models: ReadModels, at: Instant): Rebuilder {
  const rebuilder = new Rebuilder({
    store: history.store,
    models,
    location: locationOf(models),
    projections: allProjections,
    clock: { now: () => at, nowMs: () => Date.parse(at) },
    log: quiet,
    lookEveryMs: 5,
  });
  rebuilders.push(rebuilder);
  rebuilder.start();
  return rebuilder;
}

const inSession = <Result>(models: ReadModels, work: (session: WriteSession) => Promise<Result>) =>
  models.dialect.withSession(models.write, work);

async function request(models: ReadModels, names = some.map(({ name }) => name)): Promise<string> {
  const rebuildId = randomUUID();
  const row = {
    rebuildId,
    status: 'requested',
    request: { names, compareOnly: false, restart: false },
  } as const;
  expect(await inSession(models, (session) => addRebuild(session, row, minute(0)))).toBe(true);
  return rebuildId;
}

/** The last rebuild once it is as wanted; the test's own time limit ends a wait for what never comes. */
async function rebuildWhen(models: ReadModels, isSo: (row: RebuildRow) => boolean): Promise<RebuildRow> {
  for (;;) {
    const row = await inSession(models, findRebuild);
    if (row && isSo(row)) return row;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function sale() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  await buy(story, 1);
  return { history, story };
}

it('runs a rebuild that was requested, and reports', async () => {
  const { history } = await sale();
  const models = await project(history);
  const before = await everyRow(models);
  await models.write.query('UPDATE points SET remain_point = 5');
  const rebuildId = await request(models);
  lookAfter(history, models, minute(0));
  const row = await rebuildWhen(models, ({ status }) => status !== 'requested' && status !== 'running');
  expect(row).toMatchObject({ rebuildId, status: 'completed', error: null });
  expect(row.report).toMatchObject({ differenceCount: 1, projections: [{}, {}] });
  expect(row.progress).toMatchObject({ phase: 'cleaning', differenceCount: 1 });
  expect(await everyRow(models)).toEqual(before);
});

it('does not begin one that was cancelled before', async () => {
  const { history } = await sale();
  const models = await project(history);
  const cancelled = await request(models);
  await inSession(models, (session) => cancelRebuild(session, cancelled, minute(0)));
  expect(await inSession(models, findRebuild)).toMatchObject({ status: 'cancelled' });
  expect(await inSession(models, (session) => claimRebuild(session, cancelled, minute(0)))).toBe(false);
  lookAfter(history, models, minute(0));
  // A later one is done, so the cancelled one was seen before it.
  await request(models);
  expect(await rebuildWhen(models, ({ status }) => status === 'completed')).not.toMatchObject({
    rebuildId: cancelled,
  });
});

it('leaves what a stopping process has built for the next rebuild', async () => {
  const { history } = await sale();
  const models = await project(history);
  await request(models);
  const store = Object.create(history.store, {
    readAll: { value: () => new Promise((resolve) => setImmediate(resolve, [])) },
  });
  const endless = lookAfter(Object.assign(Object.create(history), { store }), models, minute(0));
  await rebuildWhen(models, ({ status }) => status === 'running');
  await endless.stop();
  expect(await inSession(models, findRebuild)).toMatchObject({
    status: 'cancelled',
    error: 'the process that ran it stopped',
  });
});

it('lets a rebuild that is cancelled go no further', async () => {
  const models = await emptyModels();
  const rebuildId = randomUUID();
  const row = {
    rebuildId,
    status: 'running',
    request: { names: [], compareOnly: false, restart: false },
  } as const;
  const progress = { phase: 'folding', position: 0, target: 1, events: 0, eventsPerSecond: 0 } as const;
  const renew = (session: WriteSession) =>
    renewLease(session, rebuildId, { ...progress, secondsLeft: null, differenceCount: null }, minute(0));
  await inSession(models, (session) => addRebuild(session, row, minute(0)));
  await inSession(models, renew);
  await inSession(models, (session) => cancelRebuild(session, rebuildId, minute(0)));
  // Its process has not noticed yet, so no other may begin.
  expect(await inSession(models, findRebuild)).toMatchObject({ status: 'cancelling' });
  const other = { ...row, rebuildId: randomUUID() };
  expect(await inSession(models, (session) => addRebuild(session, other, minute(0)))).toBe(false);
  await expect(inSession(models, renew)).rejects.toThrow('cancelled');
});

it.each(deaths)('lets projections go on whose rebuild was killed %s', async (when) => {
  const { history, story } = await sale();
  const models = await emptyModels();
  const runner = run(history, models, { lookEveryMs: 5 });
  await caughtUp(history, runner);
  const killed = { models: dying(models, when), location: locationOf(models), projections: some };
  await expect(rebuildNow(history, models, killed)).rejects.toThrow('killed');
  lookAfter(history, models, muchLater);
  await buy(story, 2);
  await caughtUp(history, runner);
  expect(await rebuildWhen(models, ({ status }) => status === 'failed')).toMatchObject({
    error: expect.stringContaining('the process that ran it is gone'),
  });
  expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
  // What it left is the next one's.
  await rebuildNow(history, models, { projections: some }, muchLater);
  expect(await leftOvers(models)).toEqual([]);
});

it('leaves the fence of a rebuild that lives alone', async () => {
  const { history } = await sale();
  const models = await project(history);
  const killed = { models: dying(models, 'before the tables are renamed'), location: locationOf(models) };
  await expect(rebuildNow(history, models, { ...killed, projections: some })).rejects.toThrow('killed');
  const fenced = () =>
    inSession(models, (session) =>
      session.all('SELECT name FROM projection_checkpoints WHERE fenced_by IS NOT NULL', []),
    );
  const patient = lookAfter(history, models, minute(0));
  await new Promise((resolve) => setImmediate(resolve));
  await patient.stop();
  expect(await fenced()).toHaveLength(2);
  lookAfter(history, models, muchLater);
  await eventually(async () => (await fenced()).length === 0);
});

it('does not swap once its fence was ended', async () => {
  const { history } = await sale();
  const models = await project(history);
  const swap = (session: WriteSession) =>
    swapTables(models, session, some, { rebuildId: randomUUID(), at: minute(0) });
  await expect(inSession(models, swap)).rejects.toThrow('its fence was ended');
});
