import {
  type AppendResult,
  type EventStore,
  EventTooLarge,
  maxAppendsInOrder,
  maxEventBytes,
  maxEventsPerAppend,
  StoreUnavailable,
  WrongExpectedRevision,
} from '../../src/event-store/port.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';

export function appendContract(store: () => EventStore): void {
  describe('expected revision', () => {
    it('none starts a stream at revision 0', async () => {
      const result = await store().append(streamIn('note'), 'none', newEvents(3));
      expect(result).toMatchObject({ revision: 2, replayed: false });
    });

    it('none is refused when the stream has events, naming where it is', async () => {
      const stream = streamIn('note');
      await store().append(stream, 'none', newEvents(2));
      const refused = await store()
        .append(stream, 'none', newEvents(1))
        .catch((error) => error);
      expect(refused).toBeInstanceOf(WrongExpectedRevision);
      expect(refused).toMatchObject({ stream, expected: 'none', actual: 1 });
      expect(await store().readStream(stream)).toHaveLength(2);
    });

    it('exactly the last revision continues the stream', async () => {
      const stream = streamIn('note');
      await store().append(stream, 'none', newEvents(2));
      expect(await store().append(stream, 1, newEvents(2))).toMatchObject({ revision: 3 });
    });

    it.each([
      ['behind the stream', 0, 1],
      ['ahead of the stream', 5, 1],
    ])('a revision %s is refused', async (_, expected, actual) => {
      const stream = streamIn('note');
      await store().append(stream, 'none', newEvents(2));
      const refused = await store()
        .append(stream, expected, newEvents(1))
        .catch((error) => error);
      expect(refused).toBeInstanceOf(WrongExpectedRevision);
      expect(refused).toMatchObject({ expected, actual });
    });

    it('a revision of a stream without events is refused with no actual revision', async () => {
      const refused = await store()
        .append(streamIn('note'), 0, newEvents(1))
        .catch((error) => error);
      expect(refused).toBeInstanceOf(WrongExpectedRevision);
      expect(refused.actual).toBeUndefined();
    });

    it('any appends to a new stream and to one that has events', async () => {
      const stream = streamIn('note');
      expect(await store().append(stream, 'any', newEvents(1))).toMatchObject({ revision: 0 });
      expect(await store().append(stream, 'any', newEvents(2))).toMatchObject({ revision: 2 });
    });
  });

  describe('appends in order', () => {
    it('are all written, one after the other in the log', async () => {
      const [claim, seat] = [streamIn('note'), streamIn('note')];
      await store().append(seat, 'none', newEvents(1));
      const results = await store().appendInOrder([
        { stream: claim, expected: 'none', events: newEvents(2) },
        { stream: seat, expected: 0, events: newEvents(1) },
      ]);
      expect(results).toMatchObject([
        { revision: 1, replayed: false },
        { revision: 1, replayed: false },
      ]);
      const [first, second] = results;
      expect(second?.position).toBeGreaterThan(first?.position ?? Number.NaN);
      const written = [await store().readStream(claim), await store().readStream(seat)];
      expect(written.map((events) => events.at(-1)?.position)).toEqual([first?.position, second?.position]);
    });

    it('end at the first that is refused: it and the rest are not written', async () => {
      const [before, taken, after] = [streamIn('note'), streamIn('note'), streamIn('note')];
      await store().append(taken, 'none', newEvents(1));
      const results = await store().appendInOrder([
        { stream: before, expected: 'none', events: newEvents(1) },
        { stream: taken, expected: 'none', events: newEvents(1) },
        { stream: after, expected: 'none', events: newEvents(1) },
      ]);
      expect(results).toMatchObject([{ revision: 0, replayed: false }]);
      const counts = await Promise.all(
        [before, taken, after].map(async (stream) => (await store().readStream(stream)).length),
      );
      expect(counts).toEqual([1, 1, 0]);
    });

    it('end at the first whose events are there already', async () => {
      const [claim, seat] = [streamIn('note'), streamIn('note')];
      const claimed = { stream: claim, expected: 'none', events: newEvents(1) } as const;
      await store().append(claimed.stream, claimed.expected, claimed.events);
      const results = await store().appendInOrder([
        claimed,
        { stream: seat, expected: 'none', events: newEvents(1) },
      ]);
      expect(results).toEqual([]);
      expect(await store().readStream(claim)).toHaveLength(1);
      expect(await store().readStream(seat)).toEqual([]);
    });

    it('do not hold up the appends of others that come with them', async () => {
      const [taken, skipped, other] = [streamIn('note'), streamIn('note'), streamIn('note')];
      await store().append(taken, 'none', newEvents(1));
      const [refused, single, whole] = await Promise.all([
        store().appendInOrder([
          { stream: taken, expected: 'none', events: newEvents(1) },
          { stream: skipped, expected: 'none', events: newEvents(1) },
        ]),
        store().append(other, 'none', newEvents(1)),
        store().appendInOrder([{ stream: streamIn('note'), expected: 'none', events: newEvents(1) }]),
      ]);
      expect(refused).toEqual([]);
      expect(single).toMatchObject({ revision: 0 });
      expect(whole).toMatchObject([{ revision: 0 }]);
      expect(await store().readStream(skipped)).toEqual([]);
    });

    it.each([0, maxAppendsInOrder + 1])('are refused when there are %p of them', async (count) => {
      const appends = Array.from({ length: count }, () => ({
        stream: streamIn('note'),
        expected: 'none' as const,
        events: newEvents(1),
      }));
      await expect(store().appendInOrder(appends)).rejects.toThrow(RangeError);
    });

    it('many at once keep their order', async () => {
      const claims = Array.from({ length: 40 }, () => ({ claim: streamIn('note'), seat: streamIn('note') }));
      const results = await Promise.all(
        claims.map(({ claim, seat }) =>
          store().appendInOrder([
            { stream: claim, expected: 'none', events: newEvents(1) },
            { stream: seat, expected: 'none', events: newEvents(2) },
          ]),
        ),
      );
      for (const [first, second] of results) {
        expect(second?.revision).toBe(1);
        expect(second?.position).toBeGreaterThan(first?.position ?? Number.NaN);
      }
    });
  });

  describe('a retry', () => {
    it.each([['none' as const], [0]])(
      'at %p with the same ids gets the original result',
      async (expected) => {
        const stream = streamIn('note');
        if (expected === 0) await store().append(stream, 'none', newEvents(1));
        const events = newEvents(3);
        const first = await store().append(stream, expected, events);
        const again = await store().append(stream, expected, events);
        expect(again).toEqual({ ...first, replayed: true });
        expect(await store().readStream(stream)).toHaveLength(first.revision + 1);
      },
    );

    it('is recognised after others have appended', async () => {
      const stream = streamIn('note');
      const events = newEvents(2);
      const first = await store().append(stream, 'none', events);
      await store().append(stream, 1, newEvents(4));
      expect(await store().append(stream, 'none', events)).toEqual({ ...first, replayed: true });
    });

    it('is recognised by ids in either case; they are read in lower case', async () => {
      const stream = streamIn('note');
      const event = newEvent();
      await store().append(stream, 'none', [{ ...event, id: event.id.toUpperCase() }]);
      expect(await store().append(stream, 'none', [event])).toMatchObject({ replayed: true });
      expect(await store().readStream(stream)).toMatchObject([{ id: event.id }]);
    });

    it('sent twice at once happens once', async () => {
      const stream = streamIn('note');
      const events = newEvents(2);
      const results = await Promise.all([1, 2, 3].map(() => store().append(stream, 'none', events)));
      expect(results.map((result) => result.replayed)).toEqual([false, true, true]);
      expect(await store().readStream(stream)).toHaveLength(2);
    });

    it('with only some of the events there is a conflict', async () => {
      const stream = streamIn('note');
      const events = newEvents(2);
      await store().append(stream, 'none', events);
      const longer = store().append(stream, 'none', [...events, newEvent()]);
      await expect(longer).rejects.toMatchObject({ name: 'WrongExpectedRevision', actual: 1 });
      const mixed = store().append(stream, 'none', [...events.slice(0, 1), newEvent()]);
      await expect(mixed).rejects.toBeInstanceOf(WrongExpectedRevision);
      expect(await store().readStream(stream)).toHaveLength(2);
    });
  });

  describe('limits', () => {
    it('refuses an event over the limit, writes nothing of its append, and leaves others alone', async () => {
      const stream = streamIn('note');
      const other = streamIn('note');
      const tooLarge = newEvent('x'.repeat(maxEventBytes), 'Huge');
      const [refused, fine] = await Promise.allSettled([
        store().append(stream, 'none', [newEvent(), tooLarge, newEvent()]),
        store().append(other, 'none', newEvents(1)),
      ]);
      expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'EventTooLarge', type: 'Huge' } });
      expect(refused.status === 'rejected' && refused.reason).toBeInstanceOf(EventTooLarge);
      expect(fine).toMatchObject({ status: 'fulfilled' });
      expect(await store().readStream(stream)).toEqual([]);
      expect(await store().append(stream, 'none', newEvents(1))).toMatchObject({ revision: 0 });
    });

    it('counts bytes of UTF-8, not characters, and takes an event of exactly the limit', async () => {
      const stream = streamIn('note');
      const event = { ...newEvent(), metadata: null };
      // Two quotes and null around the text; each 가 takes three bytes.
      const room = maxEventBytes - 6;
      const fits = '가'.repeat(Math.floor(room / 3)) + 'x'.repeat(room % 3);
      await expect(store().append(stream, 'none', [{ ...event, data: `${fits}x` }])).rejects.toMatchObject({
        name: 'EventTooLarge',
        bytes: maxEventBytes + 1,
      });
      await store().append(stream, 'none', [{ ...event, data: fits }]);
      const [read] = await store().readStream(stream);
      expect(read?.data === fits).toBe(true);
    });

    it(`takes ${maxEventsPerAppend} events in one append and refuses more or none`, async () => {
      const stream = streamIn('note');
      await expect(store().append(stream, 'none', newEvents(maxEventsPerAppend + 1))).rejects.toThrow(
        RangeError,
      );
      await expect(store().append(stream, 'none', [])).rejects.toThrow(RangeError);
      const result = await store().append(stream, 'none', newEvents(maxEventsPerAppend));
      expect(result.revision).toBe(maxEventsPerAppend - 1);
    });

    it('refuses data that is not JSON, ids that are not UUIDs and wrong stream names, with an error that is not worth a retry', async () => {
      const cyclic: Record<string, unknown> = {};
      cyclic.self = cyclic;
      const malformed = [
        store().append(streamIn('note'), 'none', [newEvent(cyclic)]),
        store().append(streamIn('note'), 'none', [newEvent({ amount: 1n })]),
        store().append(streamIn('note'), 'none', [{ ...newEvent(), data: undefined }]),
        store().append(streamIn('note'), 'none', [{ ...newEvent(), id: 'not-a-uuid' }]),
        store().append(streamIn('note'), 1.5, newEvents(1)),
        store().append('nohyphen', 'none', newEvents(1)),
      ];
      for (const attempt of await Promise.allSettled(malformed)) {
        expect(attempt).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
        expect(attempt.status === 'rejected' && attempt.reason).not.toBeInstanceOf(StoreUnavailable);
      }
    });
  });
}

export function concurrencyContract(store: () => EventStore): void {
  describe('concurrent appends', () => {
    it.each([['none' as const], [0]])(
      'of 200 expecting %p on one stream exactly one wins',
      async (expected) => {
        const stream = streamIn('seat');
        if (expected === 0) await store().append(stream, 'none', newEvents(1));
        const attempts = Array.from({ length: 200 }, () => newEvents(2));
        const outcomes = await Promise.allSettled(
          attempts.map((events) => store().append(stream, expected, events)),
        );
        const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
        const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(losers).toHaveLength(199);
        for (const loser of losers) {
          expect(loser.reason).toBeInstanceOf(WrongExpectedRevision);
          expect(loser.reason.actual).toBe(expected === 0 ? 2 : 1);
        }
        const tail = await store().readStream(stream, { direction: 'backwards', limit: 2 });
        expect(tail.map((event) => event.id).reverse()).toEqual(attempts[winner]?.map((event) => event.id));
      },
    );

    it('losers do not disturb the appends committed with them', async () => {
      const taken = streamIn('seat');
      await store().append(taken, 'none', newEvents(1));
      const streams = Array.from({ length: 20 }, () => streamIn('seat'));
      const outcomes = await Promise.allSettled(
        streams.flatMap((stream) => [
          store().append(stream, 'none', newEvents(1)),
          store().append(taken, 'none', newEvents(1)),
        ]),
      );
      expect(outcomes.map((outcome) => outcome.status)).toEqual(
        streams.flatMap(() => ['fulfilled', 'rejected']),
      );
      for (const stream of streams) expect(await store().readStream(stream)).toHaveLength(1);
    });

    it('with any all take turns: revisions without gaps, each append in one piece', async () => {
      const stream = streamIn('queue');
      const attempts = Array.from({ length: 50 }, () => newEvents(3));
      const results = await Promise.all(attempts.map((events) => store().append(stream, 'any', events)));
      expect(new Set(results.map((result) => result.revision)).size).toBe(50);
      const recorded = await store().readStream(stream);
      expect(recorded.map((event) => event.revision)).toEqual(recorded.map((_, revision) => revision));
      for (const [index, events] of attempts.entries()) {
        const last = results[index]?.revision ?? -1;
        expect(recorded.slice(last - 2, last + 1).map((event) => event.id)).toEqual(
          events.map((event) => event.id),
        );
      }
    });

    it('positions grow in the order of commits', async () => {
      const category = freshCategory();
      const results: AppendResult[] = [];
      for (let round = 0; round < 5; round++) {
        const streams = Array.from({ length: 10 }, () => streamIn(category));
        const settled = await Promise.all(
          streams.map((stream) => store().append(stream, 'none', newEvents(2))),
        );
        const before = results.at(-1)?.position ?? -1;
        settled.sort((a, b) => a.position - b.position);
        expect(settled[0]?.position).toBeGreaterThan(before);
        results.push(...settled);
      }
      const positions = (await store().readCategory(category)).map((event) => event.position);
      expect(positions).toHaveLength(100);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
      // Each append's result is the position of its last event.
      expect(results.every((result) => positions.includes(result.position))).toBe(true);
    });
  });
}
