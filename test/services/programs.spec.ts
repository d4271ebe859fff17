import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findDatabaseServers } from '../../scripts/stack/programs.mjs';

const { PATH } = process.env;
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'boxoffice-programs-')));
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(folder, { recursive: true, force: true });
});

/** A server program that prints its version. @returns its path. */
function program(where: string, name: string, version: string): string {
  const path = join(folder, where, name);
  mkdirSync(join(folder, where), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "$0  Ver ${version} for Linux on x86_64"\n`, { mode: 0o755 });
  return path;
}

it('asks each program for its version, because MariaDB is also installed as mysqld', () => {
  const mariadb = program('one', 'mariadbd', '10.11.19-MariaDB');
  program('one', 'mysqld', '10.11.19-MariaDB');
  const mysql = program('two', 'mysqld', '9.7.4');
  process.env.PATH = [join(folder, 'one'), join(folder, 'two'), PATH].join(delimiter);
  expect(findDatabaseServers()).toEqual({
    mariadb: { path: mariadb, version: '10.11.19-MariaDB' },
    mysql: { path: mysql, version: '9.7.4' },
  });
});

it('takes the first of each in PATH', () => {
  const first = program('one', 'mysqld', '9.7.4');
  program('two', 'mysqld', '8.4.10');
  process.env.PATH = [join(folder, 'one'), join(folder, 'two'), PATH].join(delimiter);
  expect(findDatabaseServers().mysql).toEqual({ path: first, version: '9.7.4' });
});

it('leaves out a program that does not start', () => {
  const path = program('one', 'mysqld', '9.7.4');
  writeFileSync(path, '#!/bin/sh\nexit 127\n');
  process.env.PATH = [join(folder, 'one'), PATH].join(delimiter);
  expect(findDatabaseServers().mysql?.path).not.toBe(path);
});
