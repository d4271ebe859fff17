import { advanceCheckpoints } from '../../../src/projections/engine/checkpoints.js';
import type { Dialect } from '../../../src/projections/engine/dialect.js';
import { caughtUp, closeAll, emptyModels, History, minute, project, run } from '../history.js';
import { Story } from '../story.js';
import { locationOf } from '../test-databases.js';
import { deaths, dying } from './dying.js';
import { buy, everyRow, leftOvers, rebuildNow, some } from './rebuilding.js';

afterEach(closeAll);

const muchLater = minute(24 * 60);

it.each(deaths)('converges when the process that rebuilds is killed %s', async (when) => {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  await buy(story, 1);
  const models = await emptyModels();
  const runner = run(history, models, { lookEveryMs: 5 });
  await caughtUp(history, runner);
  const killed = { models: dying(models, when), location: locationOf(models) };
  await expect(rebuildNow(history, models, { ...killed, projections: some })).rejects.toThrow('killed');
  await expect(rebuildNow(history, models, { projections: some })).rejects.toThrow('another rebuild runs');
  await buy(story, 2);
  // Whatever rebuild comes next ends what the dead one has left: the projector goes on.
  const { differenceCount } = await rebuildNow(
    history,
    models,
    { projections: some, compareOnly: true },
    muchLater,
  );
  expect(differenceCount).toBe(0);
  await caughtUp(history, runner);
  await rebuildNow(history, models, { projections: some }, muchLater);
  await buy(story, 3);
  await caughtUp(history, runner);
  expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
  expect(await leftOvers(models)).toEqual([]);
});

it('lets nobody else write the live tables while they are renamed', async () => {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  const models = await project(history);
  const position = (await history.store.head()) ?? 0;
  let isCommitted: boolean | undefined;
  const dialect: Dialect = {
    ...models.dialect,
    async renameTables(dataSource, session, renames, complete) {
      // A projector that has read the checkpoint before the rebuild began.
      const mark = { name: 'users', position, epoch: 0 };
      isCommitted = await advanceCheckpoints(session, [mark], position + 1, minute(0));
      await models.dialect.renameTables(dataSource, session, renames, complete);
    },
  };
  const options = { models: { ...models, dialect }, location: locationOf(models), projections: some };
  await rebuildNow(history, models, options);
  expect(isCommitted).toBe(false);
});
