import {
  type EventStoreDbOptions,
  openEventStoreDb,
} from '../../src/event-store/eventstoredb/event-store-db.js';
import type { EventStore, NewEvent, RecordedEvent } from '../../src/event-store/port.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import type { WireServerOptions } from '../eventstoredb-server/server.js';
import { newEvents, streamIn } from './new-event.js';
import { logFolder } from './opened-store.js';

/** A durable wire server in a process of its own and stores on it, for one test. */
export interface UnderTest {
  readonly server: ChildServer;
  /** Another process's store, as far as the server can tell. */
  open(options?: Partial<EventStoreDbOptions>): EventStore;
}

/** Tries again soon, so that a test of it is short; gives up only when the test would be over. */
const impatient = { attemptTimeoutMs: 400, appendTimeoutMs: 250_000, readTimeoutMs: 60_000, silenceMs: 300 };

export async function withServer(
  options: Partial<WireServerOptions>,
  use: (underTest: UnderTest) => Promise<void>,
): Promise<void> {
  const { file, remove } = logFolder();
  const server = await new ChildServer({ file, ...options }).start();
  const opened: EventStore[] = [];
  const open: UnderTest['open'] = (more) => {
    const store = openEventStoreDb({ connectionString: server.connectionString, ...impatient, ...more });
    opened.push(store);
    return store;
  };
  try {
    await use({ server, open });
  } finally {
    await server.kill();
    await Promise.all(opened.map((store) => store.close()));
    remove();
  }
}

/** Every event of a category, however many pages. */
export async function wholeCategory(store: EventStore, category: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const last = events.at(-1);
    const page = await store.readCategory(category, { from: last?.position, limit: 500 });
    events.push(...page.slice(last === undefined ? 0 : 1));
    if (page.length < 500) return events;
  }
}

export const idsOf = (events: readonly NewEvent[]): string[] => events.map((event) => event.id);

/** Appends two events at a time to streams of a category; the ids in order. */
export async function write(store: EventStore, category: string, appends: number): Promise<string[]> {
  const ids: string[] = [];
  for (let append = 0; append < appends; append++) {
    const events = newEvents(2);
    await store.append(streamIn(category), 'none', events);
    ids.push(...idsOf(events));
  }
  return ids;
}
