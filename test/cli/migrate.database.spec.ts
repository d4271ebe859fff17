import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sharedDatabaseServer, sharedStartTimeoutMs } from '../services/shared-database.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

const migrations = expect.arrayContaining([
  expect.stringMatching(/^PersonalKeys\d+$/),
  expect.stringMatching(/^ReadModels\d+$/),
]);

it(
  'migrates the database in DATABASE_URL',
  async () => {
    const env = await freshEnv();
    const DATABASE_URL = await (await sharedDatabaseServer()).newDatabase();
    const first = await cli(['migrate', '--json'], { ...env, DATABASE_URL });
    expect(first.code).toBe(0);
    // Nothing but the outcome may be on standard output.
    expect(JSON.parse(first.stdout)).toMatchObject({ applied: migrations, present: [] });
    expect(existsSync(join(env.DATA_DIR, 'read-models.db'))).toBe(false);
    const second = await cli(['migrate', '--json'], { ...env, DATABASE_URL });
    expect(JSON.parse(second.stdout)).toMatchObject({ applied: [], present: migrations });
  },
  sharedStartTimeoutMs,
);
