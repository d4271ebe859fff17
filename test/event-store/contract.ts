import { appendContract } from './contract-append.js';
import { concurrencyContract } from './contract-concurrency.js';
import { handlerContract } from './contract-handler.js';
import { lifecycleContract } from './contract-lifecycle.js';
import { readContract } from './contract-read.js';
import { subscribeContract } from './contract-subscribe.js';
import { type OpenStore, sharedStore } from './opened-store.js';

/** Every promise of src/event-store/port.ts, for any engine. */
export function eventStoreContract(name: string, open: OpenStore): void {
  describe(`event store contract: ${name}`, () => {
    const store = sharedStore(open);
    appendContract(store);
    concurrencyContract(store);
    readContract(store);
    subscribeContract(store);
    handlerContract(store);
    lifecycleContract(open);
  });
}
