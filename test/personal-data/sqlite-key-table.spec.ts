import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PersonalKeysRefused } from '../../src/personal-data/key-file.js';
import { SqliteKeyTable } from '../../src/personal-data/key-tables.js';
import { wrappedKeyBytes } from '../../src/personal-data/sealing.js';
import { Database } from '../../src/platform/sqlite.js';
import { bySize } from '../services/test-size.js';
import { keyTableContract } from './key-table-contract.js';
import { newUserId } from './new-user.js';

let folder: string;
let table: SqliteKeyTable;
const opened: SqliteKeyTable[] = [];
const file = () => join(folder, 'keys.db');
const open = () => {
  const one = SqliteKeyTable.open(file());
  opened.push(one);
  return one;
};

/** SQLite counts the transactions of a file without a write-ahead log in its header. */
const commitsOf = (path: string) => readFileSync(path).readUInt32BE(24);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'));
  table = open();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  rmSync(folder, { recursive: true });
});

describe('keys in an SQLite file', () => {
  keyTableContract(
    () => table,
    async () => open(),
  );

  it('leaves no byte of destroyed keys in its folder, and all of the others', async () => {
    const keys = Array.from({ length: bySize(150, 600) }, () => ({
      userId: newUserId(),
      key: randomBytes(wrappedKeyBytes),
    }));
    for (const { userId, key } of keys) await table.add(userId, key);
    const isErased = (index: number) => index % 3 === 0;
    for (const [index, { userId }] of keys.entries()) if (isErased(index)) await table.destroy(userId);
    const bytes = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
    // The middle of a key: its first bytes may survive where the beginning of a page was overwritten.
    const isThere = (key: Buffer) => bytes.includes(key.subarray(20, 40));
    const there = keys.map(({ key }, index) => ({ isThere: isThere(key), isErased: isErased(index) }));
    expect(there.filter((one) => one.isThere === one.isErased)).toEqual([]);
  });

  it('writes keys that wait together in a few commits', async () => {
    const before = commitsOf(file());
    const keys = Array.from({ length: 200 }, () => ({
      userId: newUserId(),
      key: randomBytes(wrappedKeyBytes),
    }));
    const added = await Promise.all(keys.map(({ userId, key }) => table.add(userId, key)));
    expect(added).toEqual(keys.map(({ key }) => key));
    expect(commitsOf(file()) - before).toBeLessThan(20);
  });

  it('makes changes in the order in which they were asked for, also those that share a commit', async () => {
    const [userId, other, key] = [newUserId(), newUserId(), randomBytes(wrappedKeyBytes)];
    const answers = await Promise.all([
      table.add(userId, key),
      table.destroy(userId),
      table.add(userId, randomBytes(wrappedKeyBytes)),
      table.destroy(other),
      table.add(other, key),
    ]);
    expect(answers).toEqual([key, undefined, undefined, undefined, undefined]);
    expect(await table.find([userId, other])).toEqual(new Map());
  });

  it('writes what was asked for before it closes, and nothing afterwards', async () => {
    const [userId, key] = [newUserId(), randomBytes(wrappedKeyBytes)];
    const adding = table.add(userId, key);
    await table.close();
    expect(await adding).toEqual(key);
    await expect(table.add(newUserId(), key)).rejects.toThrow('the keys are closed');
    expect(await open().find([userId])).toEqual(new Map([[userId, key]]));
  });

  it('tells those who wait that the keys cannot be written, and goes on when they can again', async () => {
    const [userId, key] = [newUserId(), randomBytes(wrappedKeyBytes)];
    const inTheWay = new Database(file());
    inTheWay.exec('BEGIN IMMEDIATE');
    await expect(table.add(userId, key)).rejects.toThrow('locked');
    inTheWay.close();
    expect(await table.add(userId, key)).toEqual(key);
  });

  it('is readable by its owner alone', () => {
    expect(statSync(file()).mode & 0o077).toBe(0);
  });

  it('refuses a file that holds something else, and does not touch it', () => {
    const other = join(folder, 'other.db');
    writeFileSync(other, 'something else, quite long enough to look like a file');
    expect(() => SqliteKeyTable.open(other)).toThrow(PersonalKeysRefused);
    expect(readFileSync(other, 'utf8')).toContain('something else');
  });
});
