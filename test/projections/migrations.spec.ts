import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReadModels } from '../../src/projections/open-read-models.js';
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
  const runner = models.write.createQueryRunner();
  const tables = await runner.getTables(models.write.entityMetadatas.map((entity) => entity.tableName));
  await runner.release();
  expect(tables).toEqual([]);
});

it('keeps queries from writing to a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'read-models-'));
  const models = await openReadModels({ file: join(directory, 'read.sqlite') });
  await expect(models.read.query('DELETE FROM users')).rejects.toThrow('readonly');
  await models.close();
  rmSync(directory, { recursive: true });
});
