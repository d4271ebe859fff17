import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { Database } from '../../src/platform/sqlite.js';
import { allProjections } from '../../src/projections/all-projections.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';
import { controlProjections, findCheckpoint } from '../../src/projections/engine/checkpoints.js';
import { ProjectionRunner } from '../../src/projections/engine/runner.js';
import {
  migrateReadModels,
  openReadModels,
  type ReadModels,
} from '../../src/projections/open-read-models.js';
import { waitUntil } from '../services/wait-until.js';
import { minute } from './history.js';

/** A log and its tables as the release wrote them whose moments were text and whose sessions were a read model. */
const former = join(__dirname, 'former-release');

let folder: string;
let store: EventStore;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'former-release-'));
  file = load('read-models');
  store = await openSqliteEventStore({ file: load('events') });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function load(name: 'events' | 'read-models'): string {
  const path = join(folder, `${name}.db`);
  const database = new Database(path);
  database.exec(readFileSync(join(former, `${name}.sql`), 'utf8'));
  database.pragma('journal_mode = WAL');
  database.close();
  return path;
}

async function projected(
  models: ReadModels,
  work: (runner: ProjectionRunner) => Promise<void>,
): Promise<void> {
  const { write: dataSource, dialect } = models;
  const runner = new ProjectionRunner({ store, dataSource, dialect, projections: allProjections });
  runner.start();
  await work(runner);
  await runner.stop();
}

it('is brought over by a migration, and filled from its log by the projections', async () => {
  const { applied } = await migrateReadModels({ file });
  expect(applied[0]).toMatch(/^ReadModels/);
  const models = await openReadModels({ file });
  const changes = await models.write.driver.createSchemaBuilder().log();
  expect(changes.upQueries.map(({ query }) => query)).toEqual([]);
  const runnerReached = async (runner: ProjectionRunner) => {
    const head = (await store.head()) ?? 0;
    expect(await runner.waitFor(head, { timeoutMs: 20_000 })).toBe(true);
  };
  await projected(models, runnerReached);
  const comparison = await compareReadModels({ store, location: { file } });
  expect(comparison).toMatchObject({ clean: true, differenceCount: 0 });
  expect(comparison.tables.filter(({ rows }) => rows === 0)).toEqual([]);
  await expect(models.read.query('SELECT * FROM sessions')).rejects.toThrow('no such table');
  await models.close();
});

it('keeps a projection paused that an operator has paused', async () => {
  const database = new Database(file);
  database.exec(
    `UPDATE projection_checkpoints SET paused_at = '${minute(1)}', generation = 4 WHERE name = 'orders'`,
  );
  database.close();
  const models = await openReadModels({ file });
  const { dialect, write } = models;
  const orders = () => dialect.withSession(write, (session) => findCheckpoint(session, 'orders'));
  // The epoch makes a process of the former release notice.
  expect(await orders()).toMatchObject({ pausedAt: minute(1), position: -1, epoch: 5 });
  await projected(models, async (runner) => {
    await waitUntil('the other projections are there', async () => {
      const { projections } = await runner.status();
      return projections.every(({ name, position }) => name === 'orders' || position > 0);
    });
    const { projections } = await runner.status();
    expect(projections.find(({ name }) => name === 'orders')).toMatchObject({ isPaused: true, position: -1 });
    await dialect.withSession(write, (session) =>
      controlProjections(session, 'resume', ['orders'], minute(2)),
    );
    await waitUntil('the orders are there', async () => ((await orders())?.position ?? -1) > 0);
  });
  expect(await compareReadModels({ store, location: { file } })).toMatchObject({ clean: true });
  await models.close();
});
