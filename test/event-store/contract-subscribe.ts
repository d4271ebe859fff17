import type { EventStore } from '../../src/event-store/port.js';
import { Collector, deliveredToAnother } from './collector.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';

export function subscribeContract(store: () => EventStore): void {
  describe('a subscription', () => {
    it('delivers existing events, then new ones, in log order', async () => {
      const category = freshCategory();
      const early = newEvents(3);
      const late = newEvents(2);
      await store().append(streamIn(category), 'none', early);
      const collector = new Collector(store(), { after: 'start', categories: [category] });
      await collector.untilEvents(3);
      await store().append(streamIn(category), 'none', late);
      await collector.untilEvents(5);
      await collector.subscription.stop();
      expect(collector.events).toEqual(await store().readCategory(category));
      expect(collector.ids).toEqual([...early, ...late].map((event) => event.id));
    });

    it('after a position leaves out that event and those before it', async () => {
      const category = freshCategory();
      const { position } = await store().append(streamIn(category), 'none', newEvents(2));
      const next = newEvents(2);
      await store().append(streamIn(category), 'none', next);
      const collector = new Collector(store(), { after: position, categories: [category] });
      await collector.untilEvents(2);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(next.map((event) => event.id));
    });

    it('after the end delivers only what is appended from then on', async () => {
      const category = freshCategory();
      await store().append(streamIn(category), 'none', newEvents(2));
      const collector = new Collector(store(), { after: 'end', categories: [category] });
      const next = newEvents(1);
      await store().append(streamIn(category), 'none', next);
      await collector.untilEvents(1);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(next.map((event) => event.id));
    });

    it('with several categories delivers theirs in log order and no others', async () => {
      const [a, b, c] = [freshCategory(), freshCategory(), freshCategory()];
      const collector = new Collector(store(), { after: 'end', categories: [a, c] });
      const expected: string[] = [];
      for (const category of [a, b, c, b, a, b, c, a]) {
        const event = newEvent();
        if (category !== b) expected.push(event.id);
        await store().append(streamIn(category), 'none', [event]);
      }
      await collector.untilEvents(expected.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(expected);
      const again = new Collector(store(), { after: 'start', categories: [a, c], batchSize: 3 });
      await again.untilEvents(expected.length);
      await again.subscription.stop();
      expect(again.ids).toEqual(expected);
    });

    it('delivers an append once however often it is retried, even long afterwards', async () => {
      const category = freshCategory();
      const filter = { after: 'end' as const, categories: [category] };
      const [first, second, third] = [newEvents(2), newEvents(2), newEvents(1)];
      const early = new Collector(store(), filter);
      const stream = streamIn(category);
      await store().append(stream, 'none', first);
      await store().append(stream, 1, second);
      await early.untilEvents(4);
      await store().append(stream, 'none', first);
      const late = new Collector(store(), filter);
      await store().append(stream, 3, third);
      await Promise.all([early.untilEvents(5), late.untilEvents(1)]);
      await Promise.all([early.subscription.stop(), late.subscription.stop()]);
      expect(early.ids).toEqual([...first, ...second, ...third].map((event) => event.id));
      expect(late.ids).toEqual(third.map((event) => event.id));
    });

    it('with no categories delivers nothing', async () => {
      const category = freshCategory();
      const none = new Collector(store(), { after: 'start', categories: [] });
      await store().append(streamIn(category), 'none', newEvents(1));
      await deliveredToAnother(store(), category);
      await none.subscription.stop();
      expect(none.events).toEqual([]);
      await expect(none.subscription.done).resolves.toBeUndefined();
    });

    it('hands over at most a batch at once', async () => {
      const category = freshCategory();
      await store().append(streamIn(category), 'none', newEvents(10));
      const collector = new Collector(store(), { after: 'start', categories: [category], batchSize: 4 });
      await collector.untilEvents(10);
      await collector.subscription.stop();
      expect(Math.max(...collector.batches.map((batch) => batch.events.length))).toBe(4);
    });

    it('misses and repeats nothing while writers append and readers are fast, slow and late', async () => {
      const category = freshCategory();
      const noise = freshCategory();
      const filter = { categories: [category], batchSize: 16 };
      const slowly = () => new Promise<void>((resolve) => setImmediate(resolve));
      const collectors = [
        new Collector(store(), { after: 'end', ...filter }),
        new Collector(store(), { after: 'end', ...filter }, slowly),
      ];
      await Promise.all([1, 2, 3, 4].map(() => writeRounds(store(), category, noise, 60)));
      collectors.push(new Collector(store(), { after: 'start', ...filter }));
      await Promise.all([1, 2, 3, 4].map(() => writeRounds(store(), category, noise, 60)));
      const written = await store().readCategory(category);
      expect(written).toHaveLength(8 * 60 * 2);
      for (const collector of collectors) {
        await collector.untilEvents(written.length);
        await collector.subscription.stop();
        expect(collector.ids).toEqual(written.map((event) => event.id));
      }
    });

    it('resumes from the position of any batch without gap or repeat', async () => {
      const category = freshCategory();
      await writeRounds(store(), category, freshCategory(), 20);
      const whole = await store().readCategory(category);
      const first = new Collector(store(), { after: 'start', categories: [category], batchSize: 7 });
      await first.untilEvents(whole.length);
      await first.subscription.stop();
      let seen = 0;
      for (const batch of first.batches) {
        seen += batch.events.length;
        if (seen === whole.length) break;
        const rest = new Collector(store(), { after: batch.position, categories: [category] });
        await rest.untilEvents(whole.length - seen);
        await rest.subscription.stop();
        expect(rest.events).toEqual(whole.slice(seen));
      }
    });

    it('says that it has caught up with the last batch of the log and not before', async () => {
      const category = freshCategory();
      await store().append(streamIn(category), 'none', newEvents(10));
      const collector = new Collector(store(), { after: 'start', categories: [category], batchSize: 5 });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      expect(collector.events).toHaveLength(10);
      expect(collector.batches.find((batch) => batch.events.length > 0)?.caughtUp).toBe(false);
      await collector.subscription.stop();
    });

    it('is at the position of the last event when it has caught up', async () => {
      const category = freshCategory();
      const { position } = await store().append(streamIn(category), 'none', newEvents(2));
      const collector = new Collector(store(), { after: 'start' });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      await collector.subscription.stop();
      expect(collector.batches.at(-1)?.position).toBe(position);
    });
  });
}

/** Appends `rounds` times two events to a stream of `category` and one of `noise`. */
async function writeRounds(
  store: EventStore,
  category: string,
  noise: string,
  rounds: number,
): Promise<void> {
  const stream = streamIn(category);
  for (let round = 0; round < rounds; round++) {
    const expected = round === 0 ? 'none' : round * 2 - 1;
    await Promise.all([
      store.append(stream, expected, newEvents(2)),
      store.append(streamIn(noise), 'none', newEvents(1)),
    ]);
  }
}

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
