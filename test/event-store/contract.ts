import { StoreUnavailable } from '../../src/event-store/port.js';
import { Collector } from './collector.js';
import { appendContract, concurrencyContract } from './contract-append.js';
import { readContract } from './contract-read.js';
import { handlerContract, subscribeContract } from './contract-subscribe.js';
import { newEvents, streamIn } from './new-event.js';
import { type OpenStore, sharedStore, withStore } from './opened-store.js';

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

export function lifecycleContract(open: OpenStore): void {
  describe('close()', () => {
    it('finishes accepted appends', () =>
      withStore(open, async ({ store, reopen }) => {
        const stream = streamIn('note');
        const accepted = Array.from({ length: 20 }, () => store.append(stream, 'any', newEvents(2)));
        const closed = store.close();
        expect(await Promise.all(accepted)).toHaveLength(20);
        await closed;
        if (reopen === undefined) return;
        expect(await (await reopen()).readStream(stream)).toHaveLength(40);
      }));

    it('may be called twice, at once and again', () =>
      withStore(open, async ({ store }) => {
        await store.append(streamIn('note'), 'none', newEvents(1));
        await Promise.all([store.close(), store.close()]);
        await store.close();
      }));

    it('turns later appends away as unavailable, at once', () =>
      withStore(open, async ({ store }) => {
        const closing = store.close();
        await expect(store.append(streamIn('note'), 'any', newEvents(1))).rejects.toThrow(StoreUnavailable);
        await closing;
        await expect(store.append(streamIn('note'), 'any', newEvents(1))).rejects.toThrow(StoreUnavailable);
      }));

    it('stops subscriptions', () =>
      withStore(open, async ({ store }) => {
        const collector = new Collector(store, { after: 'end' });
        await store.close();
        await expect(collector.subscription.done).resolves.toBeUndefined();
      }));
  });

  it('a reopened log has the same head and events and continues from there', () =>
    withStore(open, async ({ store, reopen }) => {
      if (reopen === undefined) return;
      const stream = streamIn('note');
      const events = newEvents(3);
      const { position } = await store.append(stream, 'none', events);
      const before = await store.readStream(stream);
      await store.close();
      const again = await reopen();
      expect(await again.head()).toBe(position);
      expect(await again.readStream(stream)).toEqual(before);
      expect(await again.append(stream, 'none', events)).toMatchObject({ replayed: true, position });
      const next = await again.append(stream, 2, newEvents(1));
      expect(next.revision).toBe(3);
      expect(next.position).toBeGreaterThan(position);
    }));
}
