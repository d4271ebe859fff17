import fc from 'fast-check';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import type { EventStore, Position, RecordedEvent } from '../../src/event-store/port.js';
import { WireServer } from '../eventstoredb-server/server.js';
import { bySize } from '../services/test-size.js';
import { Collector } from './collector.js';
import { freshCategory, newEvents, streamIn } from './new-event.js';

/** Servers as they differ in where checkpoints are: see test/eventstoredb-server/versions.ts. */
const versions = ['22.10.5', '23.10.6', '24.6.0', '24.10.14', '25.0.0'] as const;

const opened: { readonly server: WireServer; readonly store: EventStore }[] = [];

async function closeAll(): Promise<void> {
  for (const { server, store } of opened.splice(0)) {
    server.stop();
    await store.close();
  }
}
afterEach(closeAll);

async function withServer(
  version: string,
  use: (opened: { readonly server: WireServer; readonly store: EventStore }) => Promise<void>,
  silenceMs = 15_000,
): Promise<void> {
  const server = await new WireServer({ version, maxAppendSize: 8 * 1024 * 1024 }).start();
  const store = openEventStoreDb({ connectionString: server.connectionString, silenceMs });
  opened.push({ server, store });
  await use({ server, store });
  await closeAll();
}

async function wholeLog(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const from = events.at(-1)?.position ?? 'start';
    const page = (await store.readAll({ from, limit: 1000 })).filter(({ position }) => position !== from);
    if (page.length === 0) return events;
    events.push(...page);
  }
}

async function appendForeign(store: EventStore, category: string, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1000) {
    await store.append(streamIn(category), 'none', newEvents(Math.min(left, 1000)));
  }
}

const isSorted = (positions: readonly number[]): boolean =>
  positions.every((position, at) => at === 0 || position >= (positions[at - 1] ?? 0));

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      isOurs: fc.boolean(),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), afterEvents: fc.integer({ min: 2, max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const) }) },
);

describe('whatever places checkpoints name', () => {
  it('no event of a category is lost or handed over twice, and each position is that of an event', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...versions),
        fc.array(step, { minLength: 4, maxLength: 24 }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        fc.integer({ min: 1, max: 4 }),
        (version, steps, seed, batchSize) =>
          withServer(
            version,
            async ({ server, store }) => {
              const [category, noise] = [freshCategory(), freshCategory()];
              const wild = { wildCheckpoints: { seed, share: 0.7 } };
              server.faults.set(wild);
              const options = { categories: [category], batchSize };
              const collectors = [new Collector(store, { after: 'start', ...options })];
              const batches = () => collectors.flatMap((collector) => collector.batches);
              const received = () => batches().flatMap(({ events }) => events.map(({ id }) => id));
              const ids: string[] = [];
              for (const move of steps) {
                if (move.kind === 'append') {
                  const events = newEvents(move.count);
                  await store.append(streamIn(move.isOurs ? category : noise), 'none', events);
                  if (move.isOurs) ids.push(...events.map(({ id }) => id));
                } else if (move.kind === 'drop') {
                  server.faults.set({ ...wild, dropSubscriptionsAfterEvents: move.afterEvents });
                } else {
                  // Like a process that restarts: after the last position it was given.
                  await collectors.at(-1)?.subscription.stop();
                  const after: Position | 'start' = batches().at(-1)?.position || 'start';
                  collectors.push(new Collector(store, { after, ...options }));
                }
              }
              await collectors.at(-1)?.until(() => received().length >= ids.length);
              await collectors.at(-1)?.subscription.stop();
              expect(received()).toEqual(ids);
              const positions = batches().map(({ position }) => position);
              const inLog = new Set<number>((await wholeLog(store)).map(({ position }) => position));
              expect(positions.filter((position) => position !== 0 && !inLog.has(position))).toEqual([]);
              expect(isSorted(positions)).toBe(true);
            },
            50,
          ),
      ),
      // A lost event shows as a run that does not end.
      { numRuns: bySize(8, 20), timeout: 120_000, endOnFailure: true },
    ));
});

describe.each(versions)('a subscription on EventStoreDB %s', (version) => {
  it('from the start of an empty log gets what is appended later, after an interruption, too', () =>
    withServer(version, async ({ server, store }) => {
      const category = freshCategory();
      const collector = new Collector(store, { after: 'start', categories: [category] });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      server.faults.set({ dropSubscriptionsAfterEvents: 1 });
      const events = newEvents(4);
      await store.append(streamIn(category), 'none', events);
      await collector.untilEvents(events.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(events.map(({ id }) => id));
      const last = (await store.readAll()).at(-1)?.position;
      expect(collector.batches.at(-1)?.position).toBe(last);
    }));

  it('to which nothing matches is at the head once it has caught up, and keeps up', () =>
    withServer(
      version,
      async ({ server, store }) => {
        const [category, noise] = [freshCategory(), freshCategory()];
        await appendForeign(store, noise, 5_000);
        const collector = new Collector(store, { after: 'start', categories: [category] });
        await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
        expect(collector.batches.at(-1)?.position).toBe(await store.head());
        await appendForeign(store, noise, 3_000);
        const head = await store.head();
        await collector.until(({ batches }) => batches.at(-1)?.position === head);
        await collector.subscription.stop();
        expect(collector.events).toEqual([]);
        const inLog = new Set<number>((await wholeLog(store)).map(({ position }) => position));
        expect(collector.batches.filter(({ position }) => !inLog.has(position))).toEqual([]);
        const ours = newEvents(2);
        await store.append(streamIn(category), 'none', ours);
        const after = collector.batches.at(-1)?.position ?? 'start';
        const resumed = new Collector(store, { after, categories: [category] });
        await resumed.untilEvents(ours.length);
        expect(resumed.ids).toEqual(ours.map(({ id }) => id));
        expect(server.context.reading.subscribedEvents).toBe(ours.length);
      },
      200,
    ));
});
