import { eventsOf } from '../../../src/analysis/history/event-index.js';
import { openEventStoreDb } from '../../../src/event-store/eventstoredb/event-store-db.js';
import { InMemoryEventStore } from '../../../src/event-store/in-memory-event-store.js';
import type { Position } from '../../../src/event-store/port.js';
import { openSqliteEventStore } from '../../../src/event-store/sqlite/sqlite-event-store.js';
import type { Category } from '../../../src/events/registry.js';
import { newEvents, streamIn } from '../../event-store/new-event.js';
import { logFolder, type OpenStore } from '../../event-store/opened-store.js';
import { ChildServer } from '../../eventstoredb-server/child-server.js';

const engines: readonly { engine: string; open: OpenStore }[] = [
  {
    engine: 'in memory',
    open: async () => {
      const store = new InMemoryEventStore();
      return { store, cleanup: () => store.close() };
    },
  },
  {
    engine: 'SQLite',
    open: async () => {
      const { file, remove } = logFolder();
      const store = await openSqliteEventStore({ file });
      const cleanup = async () => {
        await store.close();
        remove();
      };
      return { store, cleanup };
    },
  },
  {
    engine: 'EventStoreDB',
    open: async () => {
      const server = await new ChildServer().start();
      const store = openEventStoreDb({ connectionString: server.connectionString });
      const cleanup = async () => {
        await store.close();
        await server.kill();
      };
      return { store, cleanup };
    },
  },
];

/** One category fills pages while the others have an event here and there. */
const order: readonly Category[] = Array.from({ length: 60 }, (_, n) =>
  n % 7 === 3 ? 'admission' : n % 5 === 2 ? 'queue' : n % 11 === 9 ? 'order' : 'token',
);
const wanted: readonly Category[] = ['queue', 'admission', 'token'];
const start = 0 as Position; // before every event

describe.each(engines)('a pass over several categories, $engine', ({ open }) => {
  it('gives each event once, in log order, from one position to another', async () => {
    const { store, cleanup } = await open();
    try {
      const appends = order.map((category) => store.append(streamIn(category), 'none', newEvents(20)));
      const positions = (await Promise.all(appends)).map(({ position }) => position).sort((a, b) => a - b);
      const whole = await positionsOf(store.readAll({ from: 'start', limit: 4096 }));
      const head = positions.at(-1) ?? start;
      const pass = async (after: Position, until: Position) => {
        const passed: Position[] = [];
        for await (const batch of eventsOf(store, wanted, after, until)) {
          passed.push(...batch.map(({ position }) => position));
        }
        return passed;
      };
      expect(whole.length).toBeGreaterThan(1_024);
      expect(await pass(start, head)).toEqual(whole);
      // Events written later than the end of a pass belong to the next one.
      const [middle, later] = [positions[20] ?? start, positions[50] ?? start];
      expect(await pass(middle, later)).toEqual(whole.filter((p) => p > middle && p <= later));
      expect(await pass(head, head)).toEqual([]);
    } finally {
      await cleanup();
    }
  });
});

async function positionsOf(
  read: Promise<readonly { readonly stream: string; readonly position: Position }[]>,
): Promise<Position[]> {
  return (await read)
    .filter(({ stream }) => wanted.some((category) => stream.startsWith(`${category}-`)))
    .map(({ position }) => position);
}
