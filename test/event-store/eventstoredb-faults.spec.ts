import { StoreUnavailable, WrongExpectedRevision } from '../../src/event-store/port.js';
import type { AppendFault } from '../eventstoredb-server/faults.js';
import { eventually, withTimeEnough } from '../services/wait-until.js';
import { Collector } from './collector.js';
import { idsOf, wholeCategory, withServer } from './eventstoredb-under-test.js';
import { freshCategory, newEvents, streamIn } from './new-event.js';

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
});
afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
});

/** Repeats an append, of the same events, that a slow machine did not get done within a short limit. */
async function persist<Result>(append: () => Promise<Result>): Promise<Result> {
  let result: Result | undefined;
  await eventually(async () => {
    try {
      result = await append();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    return result !== undefined;
  });
  if (result === undefined) throw new Error('no result');
  return result;
}

const faults: AppendFault[] = [
  'hang',
  'hang-call',
  'commit-then-hang',
  'commit-then-disconnect',
  'commit-then-timeout',
  'timeout',
  'end-call',
  'unavailable',
  'not-leader',
  'stray-answer',
];

describe('an append that meets a fault', () => {
  it.each(faults)('%s happens once and is acknowledged, and the next ones too', (fault) =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const stream = streamIn('seat');
      const first = newEvents(2);
      await store.append(stream, 'none', first);
      for (const repetition of [1, 2]) {
        await server.plan({ appends: [fault] });
        const before = (await store.readStream(stream)).length;
        const events = newEvents(2);
        const result = await store.append(stream, before - 1, events);
        expect(result).toMatchObject({ revision: before + 1, replayed: false });
        const read = await store.readStream(stream);
        expect(idsOf(read).slice(before)).toEqual(idsOf(events));
        expect(read).toHaveLength(2 + repetition * 2);
        expect(read.at(-1)?.position).toBe(result.position);
      }
    }),
  );

  it.each(['kill', 'commit-then-kill'] as const)('%s happens once when the server is back', (fault) =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const stream = streamIn('seat');
      await server.plan({ appends: [fault] });
      const events = newEvents(2);
      const appended = store.append(stream, 'none', events);
      await server.ended();
      await server.start();
      expect(await appended).toMatchObject({ revision: 1 });
      await store.append(stream, 1, newEvents(1));
      const read = await store.readStream(stream);
      expect(idsOf(read).slice(0, 2)).toEqual(idsOf(events));
      expect(read).toHaveLength(3);
    }),
  );

  it('that lasts is given up as unavailable, and over when the fault is', () =>
    withServer({}, async ({ server, open }) => {
      const store = open({ attemptTimeoutMs: 100, appendTimeoutMs: 500 });
      const stream = streamIn('seat');
      await server.plan({ storm: { seed: 1, share: 1, kinds: ['hang'] } });
      await expect(store.append(stream, 'none', newEvents(1))).rejects.toThrow(StoreUnavailable);
      await server.plan({});
      const events = newEvents(1);
      expect(await persist(() => store.append(stream, 'none', events))).toMatchObject({ revision: 0 });
    }));

  it('that ends the call, in good order, is repeated without waiting for the answer', () =>
    withTimeEnough((attemptTimeoutMs) =>
      withServer({}, async ({ server, open }) => {
        const warnings: string[] = [];
        const silenceMs = attemptTimeoutMs - 100;
        const store = open({ attemptTimeoutMs, silenceMs, warn: (message) => warnings.push(message) });
        await server.plan({ appends: ['end-call'] });
        await store.append(streamIn('seat'), 'none', newEvents(1));
        expect(warnings).toEqual([
          expect.stringMatching(/^lost EventStoreDB \(127\.0\.0\.1:\d+\): the server ended the call$/),
          expect.stringMatching(/^EventStoreDB is back after \d+\.\d s \(127\.0\.0\.1:\d+\)$/),
        ]);
      }),
    ));

  it('with `any` is appended once', () =>
    withServer({}, async ({ server, open }) => {
      const store = open();
      const stream = streamIn('queue');
      for (const fault of ['commit-then-hang', 'commit-then-disconnect', 'commit-then-timeout'] as const) {
        await server.plan({ appends: [fault] });
        await store.append(stream, 'any', newEvents(2));
      }
      expect(await store.readStream(stream)).toHaveLength(6);
    }));

  it('is a conflict when another process has written meanwhile', () =>
    withServer({}, async ({ server, open }) => {
      const [one, other] = [open(), open()];
      const stream = streamIn('seat');
      // Both are connected, so that what is sent first arrives first.
      for (const store of [one, other]) await store.append(streamIn('seat'), 'none', newEvents(1));
      await server.plan({ appends: ['hang'] });
      const lost = one.append(stream, 'none', newEvents(1));
      const outcome = expect(lost).rejects.toBeInstanceOf(WrongExpectedRevision);
      await other.append(stream, 'none', newEvents(1));
      await outcome;
      expect(await one.readStream(stream)).toHaveLength(1);
    }));

  it('leaves the others on the same connection alone when it only hangs', () =>
    withTimeEnough((attemptTimeoutMs) =>
      withServer({}, async ({ server, open }) => {
        const warnings: string[] = [];
        const silenceMs = attemptTimeoutMs - 100;
        const store = open({ attemptTimeoutMs, silenceMs, warn: (message) => warnings.push(message) });
        await server.plan({ appends: ['hang'] });
        const hanging = store.append(streamIn('seat'), 'none', newEvents(1));
        let isOver = false;
        const over = hanging.then(() => {
          isOver = true;
        });
        while (!isOver) await store.append(streamIn('seat'), 'none', newEvents(1));
        await over;
        expect(warnings).toEqual([]);
      }),
    ));
});

describe('a retry from another process', () => {
  it('is told apart from a first append, though nothing was known of it', () =>
    withServer({}, async ({ open }) => {
      const [one, other] = [open(), open()];
      const stream = streamIn('seat');
      const events = newEvents(2);
      await other.append(streamIn('seat'), 'none', newEvents(1));
      const first = await one.append(stream, 'none', events);
      const again = events.map((event) => ({ ...event, data: 'other facts' }));
      expect(await other.append(stream, 'none', again)).toEqual({ ...first, replayed: true });
      expect((await other.readStream(stream)).map(({ data }) => data)).toEqual(
        events.map(({ data }) => data),
      );
    }));

  it('finds what was written before its caller was told that the outcome is unknown', () =>
    withServer({}, async ({ server, open }) => {
      const [one, other] = [open({ attemptTimeoutMs: 300, appendTimeoutMs: 1_500 }), open()];
      const stream = streamIn('seat');
      const events = newEvents(3);
      // It is connected: what is sent arrives.
      const first = newEvents(1);
      await persist(() => one.append(streamIn('seat'), 'any', first));
      await server.plan({ storm: { seed: 1, share: 1, kinds: ['commit-then-hang'] } });
      await expect(one.append(stream, 'none', events)).rejects.toThrow(StoreUnavailable);
      await server.plan({});
      expect(await other.append(stream, 'none', events)).toMatchObject({ revision: 2, replayed: true });
      expect(await other.readStream(stream)).toHaveLength(3);
    }));
});

it('of 50 appends in flight when the server is killed each resolves truthfully', () =>
  withServer({}, async ({ server, open }) => {
    const store = open();
    const category = freshCategory();
    await store.append(streamIn(category), 'none', newEvents(1));
    // Half of them are in the log, one of these is being answered.
    await server.plan({ appends: [...Array<AppendFault>(24).fill('commit-then-hang'), 'commit-then-kill'] });
    const appends = Array.from({ length: 50 }, () => ({ stream: streamIn(category), events: newEvents(2) }));
    const outcomes = Promise.all(appends.map(({ stream, events }) => store.append(stream, 'none', events)));
    await server.ended();
    await server.start();
    for (const { revision } of await outcomes) expect(revision).toBe(1);
    for (const { stream, events } of appends) {
      expect(idsOf(await store.readStream(stream))).toEqual(idsOf(events));
    }
    expect(await wholeCategory(store, category)).toHaveLength(101);
  }));

it('1,000 appends under a storm of faults leave exactly what was acknowledged', () =>
  withServer({}, async ({ server, open }) => {
    const store = open({ attemptTimeoutMs: 250 });
    const category = freshCategory();
    const collector = new Collector(store, { after: 'end', categories: [category] });
    await server.plan({ storm: { seed: 20260214, share: 0.03, kinds: faults } });
    const acknowledged: string[] = [];
    let left = 1_000;
    const write = async () => {
      while (left-- > 0) {
        const events = newEvents(1);
        await store.append(streamIn(category), 'none', events);
        acknowledged.push(...idsOf(events));
      }
    };
    await Promise.all(Array.from({ length: 64 }, write));
    await server.plan({});
    const recorded = await wholeCategory(store, category);
    expect(idsOf(recorded).sort()).toEqual([...acknowledged].sort());
    await collector.untilEvents(1_000);
    await collector.subscription.stop();
    expect(collector.ids).toEqual(idsOf(recorded));
  }));

describe('close()', () => {
  it('ends although the server does not answer', () =>
    withServer({}, async ({ server, open }) => {
      const store = open({ appendTimeoutMs: 3_600_000, closeTimeoutMs: 300 });
      await store.append(streamIn('seat'), 'none', newEvents(1));
      const collector = new Collector(store, { after: 'start' });
      await collector.untilEvents(1);
      server.freeze();
      const pending = expect(store.append(streamIn('seat'), 'none', newEvents(1))).rejects.toThrow(
        StoreUnavailable,
      );
      await store.close();
      await pending;
      await expect(collector.subscription.done).resolves.toBeUndefined();
    }));
});
