import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allTables } from '../../src/projections/all-projections.js';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import {
  openReadModels,
  type ReadModelLocation,
  type ReadModels,
} from '../../src/projections/open-read-models.js';
import { sharedDatabaseServer, sharedStartTimeoutMs } from '../services/shared-database.js';

/** Read models of a test, and where they are. */
export interface TestDatabase {
  readonly models: ReadModels;
  readonly location: ReadModelLocation;
}

/** The Jest project says which database this run of the suite is for. */
const { readModelsOn } = globalThis as { readModelsOn?: ServerKind };

const inUse: TestDatabase[] = [];
/** Migrated and empty: a suite makes a database on the server once, since that takes longer than a test. */
const spare: TestDatabase[] = [];
const files: string[] = [];

/** Read models nobody else uses: empty, until {@link giveBackDatabases}. */
export async function takeDatabase(): Promise<TestDatabase> {
  const database = spare.pop() ?? (await newDatabase());
  inUse.push(database);
  return database;
}

/** Where read models given by {@link takeDatabase} are. */
export function locationOf(models: ReadModels): ReadModelLocation {
  const database = inUse.find((one) => one.models === models);
  if (!database) throw new Error('these read models are not open');
  return database.location;
}

/** Ends every use: files are removed, databases on the server emptied for the next test. */
export async function giveBackDatabases(): Promise<void> {
  for (const database of inUse.splice(0)) {
    if (readModelsOn !== undefined && (await empties(database.models))) spare.push(database);
    else await database.models.close();
  }
  for (const file of files.splice(0)) rmSync(file, { recursive: true, force: true });
}

// The first suite on the server waits until it is there: a test has no time for that.
beforeAll(async () => {
  if (readModelsOn !== undefined) spare.push(await newDatabase());
}, sharedStartTimeoutMs);

afterAll(async () => {
  for (const { models } of spare.splice(0)) await models.close();
});

async function newDatabase(): Promise<TestDatabase> {
  const location = readModelsOn !== undefined ? await newSchema() : newFile();
  return { models: await openReadModels(location), location };
}

async function newSchema(): Promise<ReadModelLocation> {
  const server = await sharedDatabaseServer();
  return { url: await server.newDatabase() };
}

function newFile(): ReadModelLocation {
  const directory = mkdtempSync(join(tmpdir(), 'read-models-'));
  files.push(directory);
  return { file: join(directory, 'read.sqlite') };
}

/** @returns false when the test has removed tables. */
async function empties({ write }: ReadModels): Promise<boolean> {
  const rows = await write.query<{ name: string }[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
  );
  const ours = new Set(allTables.map(({ name }) => name));
  for (const { name } of rows) {
    if (ours.delete(name)) await write.query(`DELETE FROM ${name}`);
    else if (name !== 'migrations') await write.query(`DROP TABLE ${name}`);
  }
  return ours.size === 0;
}
