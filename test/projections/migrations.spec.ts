import { closeAll, emptyModels } from './history.js';

afterEach(closeAll);

it('migrates to exactly the tables the projections declare', async () => {
  const models = await emptyModels();
  const changes = await models.write.driver.createSchemaBuilder().log();
  expect(changes.upQueries.map(({ query }) => query)).toEqual([]);
});

it('takes every migration back', async () => {
  const models = await emptyModels();
  for (let undone = 0; undone < models.write.migrations.length; undone++) {
    await models.write.undoLastMigration();
  }
  const tables = await models.write.query<{ name: string }[]>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  expect(tables.map(({ name }) => name)).toEqual(['migrations']);
});

it('keeps queries from writing', async () => {
  const models = await emptyModels();
  await expect(models.read.query('DELETE FROM users')).rejects.toThrow('readonly');
});
