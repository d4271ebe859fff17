import { fstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../../src/platform/sqlite.js';
import { setForWriting } from '../../../src/projections/sqlite/statements.js';
import { WriteAheadLog } from '../../../src/projections/sqlite/write-ahead-log.js';

const limits = { flushPages: 10, movePages: 40 };

let folder: string;
let file: string;
let database: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-wal-'));
  file = join(folder, 'read-models.db');
  database = new Database(file);
  setForWriting(database);
  database.exec('CREATE TABLE notes (text TEXT NOT NULL)');
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One transaction; each note fills a page. */
function write(notes: number): void {
  const insert = database.prepare('INSERT INTO notes VALUES (?)');
  database.transaction(() => {
    for (let note = 0; note < notes; note++) insert.run('n'.repeat(3_500));
  })();
}

/** Pages of the write-ahead log, and how many of them are in the file too. */
function pages(): { readonly log: number; readonly checkpointed: number } {
  const [found] = database.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  if (!found) throw new Error('SQLite tells nothing of its log');
  return found;
}

/** Flushes that end when the test says so. */
function heldFlushes() {
  const ends: (() => void)[] = [];
  const descriptors: number[] = [];
  return {
    ends,
    descriptors,
    flushFile: (descriptor: number, done: () => void) => {
      descriptors.push(descriptor);
      ends.push(done);
    },
  };
}

it('moves the log into the file once it is long, so that it starts over and stays bounded', () => {
  const log = new WriteAheadLog(database, file, limits);
  write(20);
  log.tend();
  expect(pages()).toMatchObject({ checkpointed: 0 });
  let longest = 0;
  for (let batch = 0; batch < 30; batch++) {
    write(20);
    log.tend();
    longest = Math.max(longest, pages().log);
  }
  // What is moved at 40 pages has grown by a batch of 20 and the pages above its rows.
  expect(longest).toBeLessThan(80);
  log.close();
});

it('leaves a COMMIT to be a COMMIT: nothing is moved before it is called', () => {
  write(2_000);
  expect(pages().checkpointed).toBe(0);
  const log = new WriteAheadLog(database, file, limits);
  log.tend();
  const { log: length, checkpointed } = pages();
  expect(checkpointed).toBe(length);
  log.close();
});

it('goes on where a reader keeps the log from starting over', () => {
  const log = new WriteAheadLog(database, file, limits);
  write(1);
  const reader = new Database(file, { readonly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM notes').get();
  write(60);
  log.tend();
  expect(pages().checkpointed).toBeLessThan(60);
  reader.close();
  log.tend();
  expect(pages()).toMatchObject({ checkpointed: pages().log });
  log.close();
});

it('has the disk take what is written, one flush at a time, while transactions go on', () => {
  const { ends, descriptors, flushFile } = heldFlushes();
  const log = new WriteAheadLog(database, file, { ...limits, movePages: 10_000 }, flushFile);
  write(5);
  log.tend();
  expect(ends).toHaveLength(0);
  write(20);
  log.tend();
  write(20);
  log.tend();
  expect(descriptors.map((descriptor) => fstatSync(descriptor).ino)).toEqual([statSync(`${file}-wal`).ino]);
  ends[0]?.();
  log.tend();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  // Nothing new.
  log.tend();
  expect(ends).toHaveLength(2);
  log.close();
});

it('flushes again after the log has started over', () => {
  const { ends, flushFile } = heldFlushes();
  const log = new WriteAheadLog(database, file, limits, flushFile);
  write(30);
  log.tend();
  ends[0]?.();
  write(30);
  log.tend();
  expect(pages().checkpointed).toBeGreaterThan(40);
  write(15);
  log.tend();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  log.close();
});

it('closes its descriptor, but not under a flush', () => {
  const { ends, descriptors, flushFile } = heldFlushes();
  const log = new WriteAheadLog(database, file, limits, flushFile);
  write(20);
  log.tend();
  const [descriptor] = descriptors;
  if (descriptor === undefined) throw new Error('nothing was flushed');
  log.close();
  expect(fstatSync(descriptor).isFile()).toBe(true);
  ends[0]?.();
  expect(() => fstatSync(descriptor)).toThrow('EBADF');
});

it('leaves what fails to the next time', () => {
  const log = new WriteAheadLog(database, file, limits);
  write(60);
  database.close();
  expect(() => log.tend()).not.toThrow();
  log.close();
});
