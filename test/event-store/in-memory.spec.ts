import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { eventStoreContract } from './contract.js';
import { embeddedContract } from './embedded.js';
import { newEvents, streamIn } from './new-event.js';
import type { OpenStore } from './opened-store.js';

const open: OpenStore = async () => {
  const store = new InMemoryEventStore();
  return { store, cleanup: () => store.close() };
};

eventStoreContract('in memory', open);
embeddedContract('in memory', open);

it('records the time of the clock it is given', async () => {
  const store = new InMemoryEventStore({ nowMs: () => 1_793_500_000_000 });
  const stream = streamIn('note');
  await store.append(stream, 'none', newEvents(1));
  expect(await store.readStream(stream)).toMatchObject([{ recordedAtMs: 1_793_500_000_000 }]);
});
