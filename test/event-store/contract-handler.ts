import type { EventStore } from '../../src/event-store/port.js';
import { Collector, deliveredToAnother } from './collector.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';

export function handlerContract(store: () => EventStore): void {
  describe('the handler', () => {
    it('is never called while it is still running', async () => {
      const category = freshCategory();
      let running = 0;
      let most = 0;
      const collector = new Collector(
        store(),
        { after: 'end', categories: [category], batchSize: 1 },
        async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => setImmediate(resolve));
          running -= 1;
        },
      );
      await Promise.all([1, 2, 3].map(() => store().append(streamIn(category), 'none', newEvents(5))));
      await collector.untilEvents(15);
      await collector.subscription.stop();
      expect(most).toBe(1);
    });

    it('may append, and gets what it appended', async () => {
      const category = freshCategory();
      const collector = new Collector(store(), { after: 'end', categories: [category] }, async (batch) => {
        for (const { data } of batch.events) {
          const left = Number(data);
          if (left > 0) await store().append(streamIn(category), 'none', [newEvent(left - 1)]);
        }
      });
      await store().append(streamIn(category), 'none', [newEvent(3)]);
      await collector.untilEvents(4);
      await collector.subscription.stop();
      expect(collector.events.map((event) => event.data)).toEqual([3, 2, 1, 0]);
    });

    it('that rejects ends its subscription with the error, and no other', async () => {
      const category = freshCategory();
      const broken = new Collector(
        store(),
        { after: 'end', categories: [category], batchSize: 1 },
        async ({ events }) => {
          if (events.length > 0) throw new Error('cannot apply');
        },
      );
      const sound = new Collector(store(), { after: 'end', categories: [category] });
      const ended = expect(broken.subscription.done).rejects.toThrow('cannot apply');
      await store().append(streamIn(category), 'none', newEvents(3));
      await ended;
      await sound.untilEvents(3);
      expect(broken.events).toHaveLength(1);
      await broken.subscription.stop();
      await sound.subscription.stop();
    });
  });

  describe('stop()', () => {
    it('waits for the running handler and then delivers nothing more', async () => {
      const category = freshCategory();
      let finish = () => {};
      let finished = false;
      const gate = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const collector = new Collector(
        store(),
        { after: 'end', categories: [category], batchSize: 1 },
        async ({ events }) => {
          if (events.length === 0) return;
          await gate;
          finished = true;
        },
      );
      await store().append(streamIn(category), 'none', newEvents(3));
      await collector.untilEvents(1);
      const stopped = collector.subscription.stop().then(() => finished);
      finish();
      expect(await stopped).toBe(true);
      await store().append(streamIn(category), 'none', newEvents(1));
      await deliveredToAnother(store(), category);
      expect(collector.events).toHaveLength(1);
    });

    it('resolves done, may be called twice, and ends a subscription that waits', async () => {
      const collector = new Collector(store(), { after: 'end' });
      await Promise.all([collector.subscription.stop(), collector.subscription.stop()]);
      await collector.subscription.stop();
      await expect(collector.subscription.done).resolves.toBeUndefined();
    });
  });
}
