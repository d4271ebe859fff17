import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import { WireServer } from '../eventstoredb-server/server.js';
import { eventually, withTimeEnough } from '../services/wait-until.js';
import { Collector } from './collector.js';
import { idsOf, write } from './eventstoredb-under-test.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';

it('an append that is only slow is not repeated', async () => {
  const server = await new WireServer().start();
  const warnings: string[] = [];
  const store = openEventStoreDb({
    connectionString: server.connectionString,
    warn: (message) => warnings.push(message),
  });
  try {
    server.faults.set({ appendDelayMs: 100 });
    const [category, events] = [freshCategory(), newEvents(2)];
    const result = await store.append(streamIn(category), 'none', events);
    expect(result).toMatchObject({ revision: 1, replayed: false });
    expect(idsOf(await store.readCategory(category))).toEqual(idsOf(events));
    expect(warnings).toEqual([]);
  } finally {
    await store.close();
    server.stop();
  }
});

describe('a subscription', () => {
  it('whose handler is slow lets the server wait instead of piling events up', async () => {
    const server = await new WireServer({ maxAppendSize: 8 * 1024 * 1024 }).start();
    const store = openEventStoreDb({ connectionString: server.connectionString });
    try {
      const category = freshCategory();
      const sizeable = () => newEvent('x'.repeat(10_000));
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const slow = new Collector(
        store,
        { after: 'end', categories: [category], batchSize: 16 },
        () => released,
      );
      for (let append = 0; append < 20; append++) {
        await store.append(streamIn(category), 'none', Array.from({ length: 100 }, sizeable));
      }
      const fast = new Collector(store, { after: 'start', categories: [category] });
      await fast.untilEvents(2_000);
      // The fast one has had all 20 MB; the slow one what fits into buffers, a few hundred kilobytes.
      expect(server.context.reading.subscribedEvents - 2_000).toBeLessThan(500);
      release();
      await slow.untilEvents(2_000);
      expect(slow.ids).toEqual(fast.ids);
    } finally {
      await store.close();
      server.stop();
    }
  });

  it('whose check of the log fails continues without gap or repeat', async () => {
    const server = await new WireServer({ maxAppendSize: 8 * 1024 * 1024 }).start();
    const warnings: string[] = [];
    const store = openEventStoreDb({
      connectionString: server.connectionString,
      readTimeoutMs: 1_000,
      warn: (message) => {
        warnings.push(message);
        server.faults.set({});
      },
    });
    try {
      const [category, noise] = [freshCategory(), freshCategory()];
      const ids = await write(store, category, 1);
      const collector = new Collector(store, { after: 'start', categories: [category] });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      server.faults.set({ hangReads: true });
      // The checkpoint after 2,000 events of others makes the subscription check the log.
      await store.append(streamIn(noise), 'none', newEvents(1000));
      await store.append(streamIn(noise), 'none', newEvents(1000));
      await eventually(() => warnings.length > 0);
      ids.push(...(await write(store, category, 1)));
      await collector.untilEvents(ids.length);
      expect(collector.ids).toEqual(ids);
    } finally {
      await store.close();
      server.stop();
    }
  });
});

describe('a quiet category', () => {
  const foreign = 3_000;

  /** A log in which a category has one event, followed by many of others. */
  async function quietLog(options: { readonly silenceMs: number; readonly readTimeoutMs: number }) {
    const server = await new WireServer({ maxAppendSize: 8 * 1024 * 1024 }).start();
    const warnings: string[] = [];
    const store = openEventStoreDb({
      connectionString: server.connectionString,
      ...options,
      warn: (message) => warnings.push(message),
    });
    const [category, noise] = [freshCategory(), freshCategory()];
    const ids = await write(store, category, 1);
    let last = await store.append(streamIn(noise), 'none', newEvents(1));
    for (let written = 1; written < foreign; written += 1000) {
      last = await store.append(streamIn(noise), 'none', newEvents(1000));
    }
    const close = async () => {
      await store.close();
      server.stop();
    };
    return { server, store, category, noise, ids, warnings, head: last.position, close };
  }

  it('is checked by searching no more than what was appended since the last check', async () => {
    const log = await quietLog({ silenceMs: 20, readTimeoutMs: 10_000 });
    try {
      const collector = new Collector(log.store, { after: 'start', categories: [log.category] });
      const position = () => collector.batches.at(-1)?.position ?? 0;
      await collector.until(() => position() === log.head);
      const before = log.server.context.reading.searchedEvents;
      const looks = 10;
      for (let look = 0; look < looks; look++) {
        const appended = await log.store.append(streamIn(log.noise), 'none', newEvents(3));
        await collector.until(() => position() === appended.position);
      }
      // A check reads the head of the log and searches four events; a slow machine makes more checks.
      const { calls, reading } = log.server.context;
      const reads = calls.filter((call) => call === 'Read').length;
      expect(reading.searchedEvents - before).toBeLessThanOrEqual(reads + looks * 4);
      expect(reading.searchedEvents - before).toBeLessThan(foreign);
      expect(log.warnings).toEqual([]);
    } finally {
      await log.close();
    }
  });

  it('in a log that takes too long to search does not disturb other reads, appends and subscriptions', () =>
    withTimeEnough(
      async (readTimeoutMs) => {
        // All 3,000 events take three times as long to search as a read may take, and six times as long as it may be silent.
        const log = await quietLog({ silenceMs: 50, readTimeoutMs });
        try {
          const neighbour = new Collector(log.store, { after: 'end', categories: [log.noise] });
          log.server.faults.set({ searchMsPer100: readTimeoutMs / 10 });
          const collector = new Collector(log.store, { after: 'start', categories: [log.category] });
          await collector.until(({ batches }) => batches.at(-1)?.position === log.head);
          await expect(
            log.store.readCategory('missing', { direction: 'backwards', limit: 1 }),
          ).rejects.toThrow('did not finish a search of the log in time');
          const others = await write(log.store, log.noise, 5);
          await neighbour.untilEvents(others.length);
          log.ids.push(...(await write(log.store, log.category, 1)));
          await collector.untilEvents(log.ids.length);
          expect(collector.ids).toEqual(log.ids);
          expect(log.warnings).toEqual([]);
          // The server's first connection is its only one.
          expect(log.server.context.calls.filter((call) => call === 'BatchAppend')).toHaveLength(1);
        } finally {
          await log.close();
        }
      },
      [1_000, 4_000, 16_000],
    ));
});
