import { Worker } from 'node:worker_threads';
import { prepareAppend } from '../../src/event-store/append.js';
import { type EventStore, StoreUnavailable } from '../../src/event-store/port.js';
import { openForWriting } from '../../src/event-store/sqlite/log-file.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { type AppendBatch, Writer } from '../../src/event-store/sqlite/writer.js';
import { WriterClient } from '../../src/event-store/sqlite/writer-client.js';
import { Database } from '../../src/platform/sqlite.js';
import { Collector } from './collector.js';
import { newEvent, newEvents, streamIn } from './new-event.js';
import { logFolder } from './opened-store.js';

describe('a SQLite event store in trouble', () => {
  let file: string;
  let removeFolder: () => void;
  let store: EventStore | undefined;

  beforeEach(() => {
    ({ file, remove: removeFolder } = logFolder());
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    removeFolder();
  });

  it('turns appends away as busy when too many wait, and takes them again afterwards', async () => {
    store = await openSqliteEventStore({ file, maxWaitingAppends: 10 });
    const attempt = () => store?.append(streamIn('note'), 'none', newEvents(1));
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, attempt));
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      ...Array.from({ length: 10 }, () => 'fulfilled'),
      'rejected',
      'rejected',
    ]);
    expect(outcomes[11]).toMatchObject({ reason: { name: 'StoreUnavailable' } });
    expect(outcomes[11]).toMatchObject({ reason: { message: expect.stringContaining('busy') } });
    expect(await attempt()).toMatchObject({ revision: 0 });
    expect(await store.readAll()).toHaveLength(11);
  });

  it('counts waiting bytes too, but takes a single append of any lawful size', async () => {
    store = await openSqliteEventStore({ file, maxWaitingBytes: 1000 });
    const large = () => store?.append(streamIn('note'), 'none', [newEvent('x'.repeat(5000))]);
    const [first, second] = await Promise.allSettled([large(), large()]);
    expect(first).toMatchObject({ status: 'fulfilled' });
    expect(second).toMatchObject({ status: 'rejected', reason: { name: 'StoreUnavailable' } });
    expect(await large()).toMatchObject({ revision: 0 });
  });

  it('rejects the appends of a failed commit, writes none of them, and continues when the disk works again', async () => {
    store = await openSqliteEventStore({ file });
    const stream = streamIn('note');
    await store.append(stream, 'none', newEvents(1));
    const live = new Collector(store, { after: 'start' });
    await live.untilEvents(1);

    const intruder = new Database(file);
    intruder.exec('BEGIN IMMEDIATE');
    const lost = [newEvents(1), newEvents(2)];
    const attempts = lost.map((events) => store?.append(streamIn('note'), 'none', events));
    for (const outcome of await Promise.allSettled([...attempts, store.append(stream, 0, newEvents(1))])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    }
    intruder.exec('ROLLBACK');
    intruder.close();

    expect(await store.append(stream, 0, newEvents(1))).toMatchObject({ revision: 1, position: 2 });
    await live.untilEvents(2);
    expect(await store.readAll()).toHaveLength(2);
    expect(live.events).toEqual(await store.readAll());
  });

  it('when its thread dies, it says so once, waiting and later appends are unavailable and close() still ends', async () => {
    const lost: string[] = [];
    const worker = new Worker(
      `require('node:worker_threads').parentPort.once('message', () => process.exit(1))`,
      {
        eval: true,
      },
    );
    const client = new WriterClient({
      worker,
      nowMs: () => 0,
      maxWaitingAppends: 10,
      maxWaitingBytes: 1000,
      onCommitted: () => undefined,
      onLost: (reason) => void lost.push(reason),
    });
    const request = () => prepareAppend(streamIn('note'), 'none', newEvents(1));
    const waiting = await Promise.allSettled([client.append(request()), client.append(request())]);
    for (const outcome of waiting) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    }
    await expect(client.append(request())).rejects.toThrow('writer thread is gone');
    await client.drain();
    await client.close();
    expect(lost).toEqual(["the event store's writer thread is gone: it stopped"]);
  });

  it('does not call it a loss when the store is closed', async () => {
    const lost: string[] = [];
    store = await openSqliteEventStore({ file, onWriterLost: (reason) => void lost.push(reason) });
    await store.append(streamIn('note'), 'none', newEvents(1));
    await store.close();
    expect(lost).toEqual([]);
  });

  it('a full disk fails the commit as a whole, and revisions are right afterwards', () => {
    const database = openForWriting(file);
    const writer = new Writer(database);
    const small = batchOf('note-1', 'x');
    writer.commit([small]);
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages}`);
    const huge = batchOf('note-3', 'x'.repeat(100_000));
    expect(() => writer.commit([batchOf('note-2', 'x'), huge])).toThrow('full');
    expect(writer.head()).toBe(1);
    database.pragma('max_page_count = 1000000');
    // code, revision, position: as if the failed ones had never been
    expect([...writer.commit([batchOf('note-2', 'x'), batchOf('note-1', 'y')])]).toEqual([0, 0, 2, 2, 0, 0]);
    database.close();
  });

  it('a statement that fails undoes its whole transaction, and the next one works', () => {
    const database = openForWriting(file);
    const writer = new Writer(database);
    const malformed = { ...batchOf('note-2', 'x'), ids: ['no uuid'] };
    expect(() => writer.commit([batchOf('note-1', 'x'), malformed])).toThrow('NOT NULL');
    expect(writer.head()).toBe(0);
    expect([...writer.commit([batchOf('note-1', 'y')])]).toEqual([0, 0, 1]);
    database.close();
  });

  it('a subscriber too slow for the memory of recent events reads the file and misses nothing', async () => {
    store = await openSqliteEventStore({ file });
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = new Collector(store, { after: 'start' }, () => gate);
    const quick = new Collector(store, { after: 'start', categories: ['note'] });
    for (let n = 0; n < 20; n++) {
      await store.append(streamIn('note'), 'none', newEvents(500));
      await store.append(streamIn('memo'), 'none', newEvents(500));
    }
    await quick.untilEvents(10_000);
    expect(slow.batches).toHaveLength(1);
    release();
    await slow.untilEvents(20_000);
    expect(slow.events.map((event) => Number(event.position))).toEqual(
      slow.events.map((_, index) => index + 1),
    );
  });
});

/** One append expecting a new stream, of one event. */
function batchOf(stream: string, data: string): AppendBatch {
  const { id, type } = newEvent();
  return {
    kind: 'append',
    recordedAtMs: 0,
    streams: [stream],
    expected: [-1],
    counts: [1],
    follows: [false],
    ids: [id],
    types: [type],
    data: [JSON.stringify(data)],
    metadata: ['{}'],
  };
}
