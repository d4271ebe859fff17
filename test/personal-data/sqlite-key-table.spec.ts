import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PersonalKeysRefused, SqliteKeyTable } from '../../src/personal-data/key-tables.js';
import { wrappedKeyBytes } from '../../src/personal-data/sealing.js';
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
