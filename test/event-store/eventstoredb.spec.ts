import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import type { EventStore } from '../../src/event-store/port.js';
import { newEventStore, newFaultyEventStore, type TestEventStore } from '../services/event-store.js';
import { eventStoreContract } from './contract.js';
import { handlerContract } from './contract-subscribe.js';
import { logFolder, type OpenedStore, sharedStore } from './opened-store.js';

/** A started server of its own for each store, as each SQLite store has a file of its own. */
function openOn(server: TestEventStore, remove: () => void): OpenedStore {
  const opened: EventStore[] = [];
  const openStore = () => {
    const store = openEventStoreDb({ connectionString: server.connectionString });
    opened.push(store);
    return store;
  };
  const reopen = async () => {
    await Promise.all(opened.map((store) => store.close()));
    await server.kill();
    await server.start();
    return openStore();
  };
  const cleanup = async () => {
    await Promise.all(opened.map((store) => store.close()));
    await server.kill();
    remove();
  };
  return { store: openStore(), reopen, cleanup };
}

eventStoreContract('EventStoreDB', async () => {
  const { folder, remove } = logFolder();
  const server = await newEventStore({ folder, workFolder: folder });
  await server.start();
  return openOn(server, remove);
});

/** A subscription from the end may be reported as caught up before or after its first event. */
describe.each([
  ['caught up before the first event', { appendDelayMs: 200 }],
  ['caught up behind the first event', { subscriptionDelayMs: 200 }],
])('EventStoreDB, %s', (_, plan) => {
  handlerContract(
    sharedStore(async () => {
      const { folder, remove } = logFolder();
      const server = newFaultyEventStore(folder);
      await server.start();
      await server.plan(plan);
      return openOn(server, remove);
    }),
  );
});
