import { openEventStoreDb } from '../../src/event-store/eventstoredb/open.js';
import type { EventStore } from '../../src/event-store/port.js';
import { eventStoreContract } from './contract.js';
import type { OpenedStore } from './opened-store.js';

const open = async (): Promise<OpenedStore> => {
  const opened: EventStore[] = [];
  const openStore = () => {
    const store = openEventStoreDb({
      connectionString: `esdb://127.0.0.1:${process.env.REAL_PORT}?tls=false`,
      warn: (m) => process.stderr.write(`WARN ${m}\n`),
    });
    opened.push(store);
    return store;
  };
  return {
    store: openStore(),
    reopen: async () => {
      await Promise.all(opened.map((s) => s.close()));
      return openStore();
    },
    cleanup: async () => {
      await Promise.all(opened.map((s) => s.close()));
    },
  };
};
eventStoreContract('real EventStoreDB', open);
