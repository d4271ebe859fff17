import { randomBytes } from 'node:crypto';
import { appendFileSync, copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { EventStore } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { Database } from '../../src/platform/sqlite.js';
import { Collector } from './collector.js';
import { newEvents, streamIn } from './new-event.js';
import { logFolder } from './opened-store.js';

describe('the files of a SQLite event log', () => {
  let file: string;
  let removeFolder: () => void;
  let opened: EventStore[];

  beforeEach(() => {
    ({ file, remove: removeFolder } = logFolder());
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
    removeFolder();
  });

  async function open(path = file, readOnly = false): Promise<EventStore> {
    const store = await openSqliteEventStore({ file: path, readOnly });
    opened.push(store);
    return store;
  }

  /** Writes a log of `appends` appends of two events and closes it: everything is in the main file. */
  async function writeLog(appends: number): Promise<void> {
    const store = await open();
    for (let n = 0; n < appends; n++) await store.append(streamIn('note'), 'none', newEvents(2));
    await store.close();
  }

  it('a reopened log keeps everything', async () => {
    await writeLog(30);
    const before = await (await open(file, true)).readAll();
    const after = await (await open()).readAll();
    expect(after).toHaveLength(60);
    expect(after).toEqual(before);
  });

  it('keeps the time of the clock it is given', async () => {
    const store = await openSqliteEventStore({ file, nowMs: () => 1_793_500_000_000 });
    opened.push(store);
    const stream = streamIn('note');
    const live = new Collector(store, { after: 'start' });
    await store.append(stream, 'none', newEvents(1));
    await live.untilEvents(1);
    expect(live.events).toMatchObject([{ recordedAtMs: 1_793_500_000_000 }]);
    expect(await store.readStream(stream)).toEqual(live.events);
  });

  it('a second writer is refused by name until the first has closed', async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(`event log ${file} is in use by another boxoffice process`);
    await first.append(streamIn('note'), 'none', newEvents(1));
    await first.close();
    expect(await (await open()).readAll()).toHaveLength(1);
  });

  describe('a read-only store', () => {
    it('reads and follows a log that another store writes, and cannot append', async () => {
      const writer = await open();
      await writer.append(streamIn('note'), 'none', newEvents(2));
      const reader = await open(file, true);
      const follower = new Collector(reader, { after: 'start' });
      await follower.untilEvents(2);
      await writer.append(streamIn('note'), 'none', newEvents(2));
      await follower.untilEvents(4);
      expect(follower.events).toEqual(await writer.readAll());
      expect(follower.batches.at(-1)?.caughtUp).toBe(true);
      await expect(reader.append(streamIn('note'), 'any', newEvents(1))).rejects.toThrow('for reading only');
    });

    it('needs a log', async () => {
      await expect(open(file, true)).rejects.toThrow(`there is no event log at ${file}`);
    });
  });

  describe('is refused when it', () => {
    it('is another program’s database, which stays as it is', async () => {
      const foreign = new Database(file);
      foreign.exec('CREATE TABLE notes (text TEXT)');
      foreign.close();
      for (const readOnly of [false, true]) {
        await expect(open(file, readOnly)).rejects.toThrow(`${file} is not a boxoffice event log`);
      }
      const tables = new Database(file).prepare('SELECT name FROM sqlite_master').pluck().all();
      expect(tables).toEqual(['notes']);
    });

    it('is no database, and stays as it is', async () => {
      writeFileSync(file, 'not a database '.repeat(1000));
      const before = readFileSync(file);
      await expect(open()).rejects.toThrow(`event log ${file} cannot be opened: file is not a database`);
      expect(readFileSync(file).equals(before)).toBe(true);
    });

    it('is of another version', async () => {
      await writeLog(1);
      const database = new Database(file);
      database.pragma('user_version = 2');
      database.close();
      for (const readOnly of [false, true]) {
        await expect(open(file, readOnly)).rejects.toThrow(`event log ${file} has version 2`);
      }
    });

    it('is damaged', async () => {
      await writeLog(200);
      const bytes = readFileSync(file);
      const pageBytes = bytes.readUInt16BE(16);
      randomBytes(bytes.length - pageBytes).copy(bytes, pageBytes);
      writeFileSync(file, bytes);
      for (const readOnly of [false, true]) {
        await expect(open(file, readOnly)).rejects.toThrow(/cannot be opened: .*malformed/);
      }
    });

    it('is cut short', async () => {
      await writeLog(200);
      truncateSync(file, statSync(file).size / 2);
      await expect(open()).rejects.toThrow(/cannot be opened: .*malformed/);
    });

    it('is missing while its -wal file holds events', async () => {
      writeFileSync(`${file}-wal`, 'the events of a log whose main file somebody removed');
      await expect(open()).rejects.toThrow('is missing, but');
    });

    it('would be in a folder that does not exist', async () => {
      await expect(open(`${file}/nowhere/events.db`)).rejects.toThrow('its folder does not exist');
    });
  });

  it('reading a damaged event fails with its log’s name instead of leaving the event out', async () => {
    await writeLog(3);
    const database = new Database(file);
    database.prepare(`UPDATE events SET data = '{"n":' WHERE position = 3`).run();
    database.close();
    const store = await open();
    await expect(store.readAll()).rejects.toThrow(`event log ${file} cannot be read`);
    const collector = new Collector(store, { after: 'start' });
    await expect(collector.subscription.done).rejects.toThrow(`event log ${file} cannot be read`);
  });

  describe('after a crash', () => {
    const kept = 10;

    /** What a crash leaves: `kept` events in the main file and 40 more, in twos, in the -wal file. */
    async function crashed(): Promise<string> {
      await writeLog(kept / 2);
      const store = await open();
      for (let n = 0; n < 20; n++) await store.append(streamIn('memo'), 'none', newEvents(2));
      const copy = `${file}.crashed`;
      copyFileSync(file, copy);
      copyFileSync(`${file}-wal`, `${copy}-wal`);
      return copy;
    }

    async function assertUsable(path: string, most: number): Promise<number> {
      const store = await open(path);
      const events = await store.readAll();
      expect(events.length).toBeGreaterThanOrEqual(kept);
      expect(events.length).toBeLessThanOrEqual(most);
      expect(events.length % 2).toBe(0);
      expect(events.map((event) => event.position)).toEqual(events.map((_, index) => index + 1));
      const next = await store.append(streamIn('note'), 'none', newEvents(1));
      expect(next.position).toBe(events.length + 1);
      await store.close();
      return events.length;
    }

    it('a read-only store sees what was only in the -wal file', async () => {
      const store = await open(await crashed(), true);
      expect(await store.readAll()).toHaveLength(kept + 40);
    });

    it('what was only in the -wal file is there', async () => {
      expect(await assertUsable(await crashed(), kept + 40)).toBe(kept + 40);
    });

    it.each([0, 0.1, 0.5, 0.9, 0.999])(
      'a -wal file cut to %p of itself loses only what it lost',
      async (part) => {
        const copy = await crashed();
        truncateSync(`${copy}-wal`, Math.floor(statSync(`${copy}-wal`).size * part));
        expect(await assertUsable(copy, kept + 38)).toBeLessThan(kept + 40);
      },
    );

    it('garbage behind or within the -wal file does not keep the log from opening', async () => {
      const behind = await crashed();
      appendFileSync(`${behind}-wal`, randomBytes(20_000));
      expect(await assertUsable(behind, kept + 40)).toBe(kept + 40);

      const within = `${behind}.second`;
      copyFileSync(file, within);
      const wal = readFileSync(`${file}-wal`);
      randomBytes(wal.length / 2).copy(wal, Math.floor(wal.length / 2));
      writeFileSync(`${within}-wal`, wal);
      await assertUsable(within, kept + 38);
    });
  });
});
