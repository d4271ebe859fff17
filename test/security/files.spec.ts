/** ASVS 5.0 V13.3, V14.2 (data at rest); OWASP API8:2023 Security Misconfiguration. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBoxoffice, startBoxoffice } from '../../src/app/boxoffice.js';
import { readConfig } from '../../src/platform/config.js';
import { tightenDataFolder } from '../../src/platform/data-folder.js';
import { announcedServer } from '../../src/platform/server-file.js';
import { cli } from '../cli/captured-terminal.js';
import { testEnvironment } from '../e2e/test-environment.js';

let folder: string;
let dataDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-files-'));
  dataDir = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
/** The files of the folder that others than their owner can open. */
const openFiles = () => readdirSync(dataDir).filter((name) => modeOf(join(dataDir, name)) !== '600');

describe('ASVS V14.2: another user of the machine', () => {
  it('can open neither the data folder nor a file in it', async () => {
    const { SECRET, ADMIN_KEY, ...env } = { ...testEnvironment, DATA_DIR: dataDir };
    // Also where the system’s default lets everybody read.
    const before = process.umask(0);
    let server: RunningBoxoffice | undefined;
    try {
      server = await startBoxoffice(readConfig(env));
      expect((await cli(['audit', 'seal'], env)).code).toBe(0);
      expect(modeOf(dataDir)).toBe('700');
      const names = readdirSync(dataDir);
      for (const name of ['events.db', 'events.db-wal', 'read-models.db', 'keys.db', 'payments.db', 'server'])
        expect(names).toContain(name);
      for (const name of ['secret', 'admin-key', 'seal-key.pem', 'seals.jsonl'])
        expect(names).toContain(name);
      expect(openFiles()).toEqual([]);
      await server.close();
      expect(openFiles()).toEqual([]);
    } finally {
      process.umask(before);
      await server?.close();
    }
  });

  it('cannot open any more what an earlier version left open', async () => {
    const env = { ...testEnvironment, DATA_DIR: dataDir };
    await (await startBoxoffice(readConfig(env))).close();
    chmodSync(dataDir, 0o755);
    for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o644);
    await (await startBoxoffice(readConfig(env))).close();
    expect(modeOf(dataDir)).toBe('700');
    expect(openFiles()).toEqual([]);
  });

  it('keeps what was allowed by name', async () => {
    const env = { ...testEnvironment, DATA_DIR: dataDir, ALLOW_IN_PRODUCTION: 'open-data-folder' };
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    await (await startBoxoffice(readConfig(env))).close();
    expect(modeOf(dataDir)).toBe('755');
  });
});

describe('the folder of data', () => {
  it('keeps the modes of files that are not ours, and of those that links lead to', () => {
    mkdirSync(dataDir, { mode: 0o700 });
    const elsewhere = join(folder, 'elsewhere.db');
    for (const path of [elsewhere, join(dataDir, 'notes.txt')]) {
      writeFileSync(path, '');
      chmodSync(path, 0o644);
    }
    symlinkSync(elsewhere, join(dataDir, 'events.db'));
    expect(tightenDataFolder(dataDir)).toEqual({ tightened: [], open: [] });
    expect([modeOf(elsewhere), modeOf(join(dataDir, 'notes.txt'))]).toEqual(['644', '644']);
  });

  it('is not closed when it is one that all users share', () => {
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o1777);
    expect(tightenDataFolder(dataDir)).toMatchObject({ tightened: [], open: [{ path: dataDir }] });
    expect(modeOf(dataDir)).toBe('777');
  });

  it('names the server that runs on it, and none afterwards', async () => {
    const env = { ...testEnvironment, DATA_DIR: dataDir };
    const server = await startBoxoffice(readConfig(env));
    expect(announcedServer(dataDir)).toBe(server.url);
    await server.close();
    expect(existsSync(join(dataDir, 'server'))).toBe(false);
  });

  it.each([
    ['a process that has ended', { url: 'http://127.0.0.1:3000', pid: 2 ** 22 + 1, startTicks: 5 }],
    [
      'an earlier process with the same id',
      { url: 'http://127.0.0.1:3000', pid: process.pid, startTicks: 1 },
    ],
    ['no address', { url: 'file:///etc/passwd', pid: process.pid, startTicks: 0 }],
  ])('names no server when the file is of %s', (_of, announcement) => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'server'), JSON.stringify(announcement));
    expect(announcedServer(dataDir)).toBeUndefined();
  });
});
