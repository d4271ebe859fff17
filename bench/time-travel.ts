/** How long the seat map of a past moment takes after an on-sale. See bench/README.md. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VenuePlans } from '../src/analysis/history/catalog-at.js';
import { EventIndexes } from '../src/analysis/history/event-index.js';
import { defaultIndexLimits } from '../src/analysis/history/log-histories.js';
import { seatIndexes, seatMapAt } from '../src/analysis/history/seat-map-at.js';
import { openEventStoreDb } from '../src/event-store/eventstoredb/event-store-db.js';
import { InMemoryEventStore } from '../src/event-store/in-memory-event-store.js';
import type { EventStore } from '../src/event-store/port.js';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.js';
import { toInstant } from '../src/events/ids.js';
import { ChildServer } from '../test/eventstoredb-server/child-server.js';
// Compiles the file the child process runs.
import type {} from '../test/eventstoredb-server/server-process.js';
import { onSale, onSaleBeganMs, onSaleMs } from './time-travel/on-sale.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    engine: { type: 'string', default: 'sqlite' },
    events: { type: 'string', default: '100000' },
    instants: { type: 'string', default: '200' },
  },
});

interface Look {
  readonly ms: number;
  /** What it cost this process, whatever else the machine did. */
  readonly cpuMs: number;
  readonly bytes: number;
}

interface Opened {
  readonly store: EventStore;
  close(): Promise<void>;
}

async function open(engine: string): Promise<Opened> {
  switch (engine) {
    case 'memory': {
      const store = new InMemoryEventStore();
      return { store, close: () => store.close() };
    }
    case 'sqlite': {
      mkdirSync(values.folder, { recursive: true });
      const folder = mkdtempSync(join(values.folder, 'time-travel-'));
      const store = await openSqliteEventStore({ file: join(folder, 'events.db') });
      const close = async () => {
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      };
      return { store, close };
    }
    case 'eventstoredb': {
      const server = await new ChildServer().start();
      const store = openEventStoreDb({ connectionString: server.connectionString });
      const close = async () => {
        await store.close();
        await server.kill();
      };
      return { store, close };
    }
    default:
      throw new Error(`no engine ${engine}: memory, sqlite or eventstoredb`);
  }
}

async function main(): Promise<void> {
  const { store, close } = await open(values.engine);
  try {
    const scheduleId = await onSale(store, Number(values.events));
    const limits = { ...defaultIndexLimits, waitMs: 600_000 };
    const seats = new EventIndexes(store, seatIndexes, limits);
    const sources = { store, seats, plans: new VenuePlans(store) };
    const look = async (atMs: number): Promise<Look> => {
      const startedAt = performance.now();
      const cpuBefore = process.cpuUsage();
      const then = await seatMapAt(sources, scheduleId, { kind: 'time', at: toInstant(atMs) }, {});
      const bytes = JSON.stringify(then).length;
      const { user, system } = process.cpuUsage(cpuBefore);
      return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1000, bytes };
    };
    const first = await look(onSaleBeganMs + onSaleMs);
    const looks: Look[] = [];
    for (let n = 0; n < Number(values.instants); n++) {
      looks.push(await look(onSaleBeganMs + Math.random() * onSaleMs));
    }
    report(first, looks, seats.bytes);
  } finally {
    await close();
  }
}

function report(first: Look, looks: readonly Look[], bytes: number): void {
  const quantile = (part: number, of: (look: Look) => number) => {
    const sorted = looks.map(of).sort((a, b) => a - b);
    return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1));
  };
  const mebibytes = (count: number) => Number((count / 2 ** 20).toFixed(1));
  const result = {
    engine: values.engine,
    events: Number(values.events),
    instants: looks.length,
    'first ms': Math.round(first.ms),
    'first CPU ms': Math.round(first.cpuMs),
    'p50 ms': quantile(0.5, ({ ms }) => ms),
    'p95 ms': quantile(0.95, ({ ms }) => ms),
    'max ms': quantile(1, ({ ms }) => ms),
    'p50 CPU ms': quantile(0.5, ({ cpuMs }) => cpuMs),
    'timeline MiB': mebibytes(bytes),
    'reply MiB': mebibytes(first.bytes),
    'process MiB': Math.round(process.memoryUsage().rss / 2 ** 20),
  };
  if (values.json) console.log(JSON.stringify(result));
  else console.table([result]);
}

await main();
