import { type AppendResult, type EventStore, WrongExpectedRevision } from '../../src/event-store/port.js';
import { freshCategory, newEvents, streamIn } from './new-event.js';

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
