import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../../src/platform/sqlite.js';
import { openReadModels, type ReadModels } from '../../../src/projections/open-read-models.js';

const text = 'a name to be forgotten';

let folder: string;
let file: string;
let models: ReadModels;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-clean-'));
  file = join(folder, 'read-models.db');
  models = await openReadModels({ file });
});
afterEach(async () => {
  await models.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One statement of the projections' connection. */
function run(sql: string): Promise<unknown> {
  return models.dialect.withSession(models.write, (session) => session.run(sql, []));
}

/** The files that hold the text. */
function filesWithText(): string[] {
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));
}

async function writeAndDelete(): Promise<void> {
  await run('CREATE TABLE notes (text TEXT NOT NULL)');
  await run(`INSERT INTO notes VALUES ('${text}')`);
  await run('DELETE FROM notes');
}

it('leaves nothing of a deleted row in the files', async () => {
  await writeAndDelete();
  expect(filesWithText()).not.toEqual([]);
  await models.clean();
  expect(filesWithText()).toEqual([]);
});

it('waits until nobody reads the pages from before', async () => {
  await writeAndDelete();
  const reader = new Database(file, { readonly: true });
  reader.exec('BEGIN; SELECT count(*) FROM notes');
  let isCleaned = false;
  const cleaned = models.clean().then(() => {
    isCleaned = true;
  });
  // Each turn comes after an attempt that found the reader.
  for (let turn = 0; turn < 5; turn++) await run('SELECT count(*) FROM notes');
  expect(isCleaned).toBe(false);
  reader.exec('COMMIT');
  reader.close();
  await cleaned;
  expect(filesWithText()).toEqual([]);
});

it('lets a transaction end first', async () => {
  await writeAndDelete();
  const order: string[] = [];
  const transaction = models.dialect.withSession(models.write, async (session) => {
    await session.begin();
    await session.run('DELETE FROM notes', []);
    await session.commit();
    order.push('committed');
  });
  await Promise.all([transaction, models.clean().then(() => order.push('cleaned'))]);
  expect(order).toEqual(['committed', 'cleaned']);
});
