import { openEventStoreDb } from '../../src/event-store/eventstoredb/open.js';
import type { EventStore } from '../../src/event-store/port.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import type { FaultPlan } from '../eventstoredb-server/faults.js';
import { eventStoreContract } from './contract.js';
import { handlerContract } from './contract-handler.js';
import { logFolder } from './log-folder.js';
import { type OpenedStore, sharedStore } from './opened-store.js';

/** A server of its own for each store, as each SQLite store has a file of its own. */
const openOn = async (plan: FaultPlan): Promise<OpenedStore> => {
  const { file, remove } = logFolder();
  const server = await new ChildServer({ file, maxAppendSize: 8 * 1024 * 1024 }).start();
  await server.plan(plan);
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

eventStoreContract('EventStoreDB', () => openOn({}));

/** "Caught up" then comes behind what is appended at once, and else before it. */
describe('EventStoreDB that begins subscriptions late', () => {
  handlerContract(sharedStore(() => openOn({ subscriptionDelayMs: 200 })));
});
