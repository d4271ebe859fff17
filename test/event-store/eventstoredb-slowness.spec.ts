import { openEventStoreDb } from '../../src/event-store/eventstoredb/open.js';
import { WireServer } from '../eventstoredb-server/server.js';
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

  it('hands events over before it looks where a checkpoint is, which may fail', async () => {
    const server = await new WireServer({ maxAppendSize: 8 * 1024 * 1024 }).start();
    const interruptions: string[] = [];
    const store = openEventStoreDb({
      connectionString: server.connectionString,
      readTimeoutMs: 200,
      warn: (message) => {
        interruptions.push(message);
        server.faults.set({});
      },
    });
    try {
      const [category, noise] = [freshCategory(), freshCategory()];
      const first = newEvents(2);
      // With the server's own first event, the one event is the 2,000th: a checkpoint follows it at once.
      const appends = [first, newEvents(1000), newEvents(996), newEvents(1)];
      for (const events of appends) {
        const isNoise = events.length > 2;
        await store.append(streamIn(isNoise ? noise : category), 'none', events);
      }
      const collector = new Collector(
        store,
        { after: 'start', categories: [category], batchSize: 2 },
        async ({ events }) => {
          if (events[0]?.id === first[0]?.id) server.faults.set({ hangReads: true });
        },
      );
      await collector.untilEvents(3);
      const ids = await write(store, category, 1);
      await collector.untilEvents(5);
      expect(collector.ids).toEqual(idsOf([...first, ...(appends[3] ?? [])]).concat(ids));
      expect(interruptions).not.toEqual([]);
    } finally {
      await store.close();
      server.stop();
    }
  });
});
