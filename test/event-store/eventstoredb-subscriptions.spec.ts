import { StoreUnavailable } from '../../src/event-store/port.js';
import { withTimeEnough } from '../services/wait-until.js';
import { Collector } from './collector.js';
import { withServer, write } from './eventstoredb-under-test.js';
import { freshCategory, newEvents, streamIn } from './new-event.js';

describe('a subscription', () => {
  it.each([
    ['live', false],
    ['with a slow handler', true],
  ])('%s survives a restart of the server without gap or repeat', (_, isSlow) =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const category = freshCategory();
      const ids = await write(store, category, 20);
      const collector = new Collector(store, { after: 'start', categories: [category], batchSize: 7 }, () =>
        isSlow ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve(),
      );
      for (const events of [8, 60]) {
        await collector.untilEvents(events);
        await server.kill();
        await server.start();
        ids.push(...(await write(store, category, 20)));
      }
      await collector.untilEvents(ids.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(ids);
    }),
  );

  it('continues after its last event when the server drops it again and again', () =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const category = freshCategory();
      await server.plan({ dropSubscriptionsAfterEvents: 9, repeatOnSubscribe: true });
      const ids = await write(store, category, 30);
      const collector = new Collector(store, { after: 'start', categories: [category] });
      await collector.untilEvents(ids.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(ids);
    }));

  it('notices that an open connection brings nothing any more', () =>
    withServer({}, async ({ server, open }) => {
      const warnings: string[] = [];
      const store = open({ warn: (message) => warnings.push(message) });
      const category = freshCategory();
      const ids = await write(store, category, 1);
      const collector = new Collector(store, { after: 'start', categories: [category] });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      await server.plan({ muteSubscriptions: true });
      // The server notices the plan at the next event, which it keeps to itself.
      ids.push(...(await write(store, category, 3)));
      while (!warnings.some((warning) => warning.includes('receives nothing'))) {
        ids.push(...(await write(store, category, 1)));
      }
      await server.plan({});
      await collector.untilEvents(ids.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(ids);
    }));

  it('that is silent because nothing happens is left alone', () =>
    withTimeEnough(
      (silenceMs) =>
        withServer({}, async ({ open }) => {
          const warnings: string[] = [];
          // No append is given up here, however busy the machine: that would end the subscription too.
          const store = open({
            attemptTimeoutMs: 60_000,
            silenceMs,
            warn: (message) => warnings.push(message),
          });
          const category = freshCategory();
          const collector = new Collector(store, { after: 'end', categories: [category] });
          // Some rounds of silence: others' events are no reason to doubt.
          for (let round = 0; round < 30; round++) await write(store, freshCategory(), 2);
          const ids = await write(store, category, 1);
          await collector.untilEvents(2);
          await collector.subscription.stop();
          expect(collector.ids).toEqual(ids);
          expect(warnings).toEqual([]);
        }),
      [20, 80, 320],
    ));

  it('reports that it has caught up although the server does not report it', () =>
    withServer({ version: '22.10.0' }, async ({ open }) => {
      const store = open();
      const category = freshCategory();
      await write(store, category, 5);
      const collector = new Collector(store, { after: 'start', categories: [category] });
      await collector.until(({ batches }) => batches.at(-1)?.caughtUp === true);
      await collector.subscription.stop();
      expect(collector.events).toHaveLength(10);
    }));

  it('from the end misses nothing appended after it was asked for, though the server was away', () =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const category = freshCategory();
      await write(store, category, 3);
      await server.kill();
      const collector = new Collector(store, { after: 'end', categories: [category] });
      const writing = write(store, category, 2);
      await server.start();
      const ids = await writing;
      await collector.untilEvents(ids.length);
      await collector.subscription.stop();
      expect(collector.ids).toEqual(ids);
    }));

  it('from the end of a log that cannot be reached keeps appends waiting no longer than they may', () =>
    withServer({}, async ({ server, open }) => {
      const store = open({ appendTimeoutMs: 500, readTimeoutMs: 200 });
      await server.kill();
      const collector = new Collector(store, { after: 'end' });
      const append = store.append(streamIn('seat'), 'none', newEvents(1));
      await expect(append).rejects.toThrow(StoreUnavailable);
      await collector.subscription.stop();
    }));

  it('that may not read ends with an error', () =>
    withServer({ user: 'admin', password: 'right' }, async ({ open }) => {
      const collector = new Collector(open(), { after: 'start' });
      await expect(collector.subscription.done).rejects.toThrow('refuses access');
    }));
});
