import { openEventStoreDb } from '../../src/event-store/eventstoredb/open.js';
import type { EventStore } from '../../src/event-store/port.js';
import { newEventStore } from '../services/event-store.js';
import { eventStoreContract } from './contract.js';
import { logFolder } from './log-folder.js';
import type { OpenStore } from './opened-store.js';

/** A server of its own for each store, as each SQLite store has a file of its own. */
const open: OpenStore = async () => {
  const { folder, remove } = logFolder();
  const server = await newEventStore({ folder, workFolder: folder });
  await server.start();
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
};

eventStoreContract('EventStoreDB', open);
