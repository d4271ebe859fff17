import { existsSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

it('makes the tables of a new data folder, and then finds nothing missing', async () => {
  const env = await freshEnv();
  const first = await cli(['migrate'], env);
  expect([first.code, first.stderr]).toEqual([0, '']);
  expect(first.stdout).toMatch(/run +ReadModels1796000000001/);
  expect(existsSync(join(env.DATA_DIR, 'read-models.db'))).toBe(true);
  const second = await cli(['migrate'], env);
  expect(second.code).toBe(0);
  expect(second.stdout).toMatch(/present +ReadModels1796000000001/);
  expect(second.stdout).toContain('No migration was missing.');
});

it.each([
  ['mysql://nobody@127.0.0.1:1/boxoffice', 'ECONNREFUSED'],
  ['mysql://127.0.0.1', 'must name one database'],
])('says what is wrong with %s', async (DATABASE_URL, reason) => {
  const { code, stdout, stderr } = await cli(['migrate'], { ...(await freshEnv()), DATABASE_URL });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`the read models could not be migrated: `);
  expect(stderr).toContain(reason);
  expect(stderr.trimEnd()).not.toContain('\n');
});

it('refuses the URL of another database', async () => {
  const DATABASE_URL = 'postgres://127.0.0.1/boxoffice';
  const { code, stderr } = await cli(['migrate'], { ...(await freshEnv()), DATABASE_URL });
  expect(code).toBe(2);
  expect(stderr).toContain('DATABASE_URL: must be a mysql:// or mariadb:// URL');
});

it('refuses a file that is no database', async () => {
  const env = await freshEnv();
  await mkdir(env.DATA_DIR, { recursive: true });
  writeFileSync(join(env.DATA_DIR, 'read-models.db'), 'plain text, and quite a lot of it');
  expect(await cli(['migrate'], env)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('not a database'),
  });
});
