import { Collector } from './collector.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';
import { type OpenStore, sharedStore, withStore } from './opened-store.js';

/**
 * What the embedded engines promise beyond the port: a filtered subscription hears of the log's growth even
 * when nothing matches, and a new log is empty.
 */
export function embeddedContract(name: string, open: OpenStore): void {
  describe(`embedded engine: ${name}`, () => {
    const store = sharedStore(open);

    it('a filtered subscription moves past what does not match and says that it has caught up', async () => {
      const collector = new Collector(store(), { after: 'start', categories: [freshCategory()] });
      const first = await store().append(streamIn('note'), 'none', newEvents(3));
      await collector.until(({ batches }) => batches.some((batch) => batch.position === first.position));
      const second = await store().append(streamIn('note'), 'none', newEvents(1));
      await collector.until(({ batches }) => batches.some((batch) => batch.position === second.position));
      await collector.subscription.stop();
      expect(collector.events).toEqual([]);
      expect(collector.batches.at(-1)).toMatchObject({ position: second.position, caughtUp: true });
    });

    it('a new log has no head and no events', () =>
      withStore(open, async ({ store: fresh }) => {
        expect(await fresh.head()).toBeUndefined();
        expect(await fresh.readAll()).toEqual([]);
        expect(await fresh.readAll({ direction: 'backwards' })).toEqual([]);
      }));

    it('recorded events cannot be edited', async () => {
      const stream = streamIn('note');
      const collector = new Collector(store(), { after: 'start' });
      await store().append(stream, 'none', [newEvent({ seats: ['A-1'] })]);
      await collector.untilEvents(1);
      for (const event of [...(await store().readStream(stream)), ...collector.events]) {
        const data = event.data as { seats: string[] };
        expect(() => data.seats.push('A-2')).toThrow(TypeError);
        expect(Object.isFrozen(event)).toBe(true);
      }
    });
  });
}
