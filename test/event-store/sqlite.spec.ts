import type { EventStore } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { eventStoreContract } from './contract.js';
import { embeddedContract } from './embedded.js';
import { logFolder, type OpenStore } from './opened-store.js';

const open: OpenStore = async () => {
  const { file, remove } = logFolder();
  const opened: EventStore[] = [];
  const openLog = async () => {
    const store = await openSqliteEventStore({ file });
    opened.push(store);
    return store;
  };
  const cleanup = async () => {
    await Promise.all(opened.map((store) => store.close()));
    remove();
  };
  return { store: await openLog(), reopen: openLog, cleanup };
};

eventStoreContract('SQLite', open);
embeddedContract('SQLite', open);
