import {
  type EventStore,
  maxReadCount,
  type Position,
  type RecordedEvent,
} from '../../src/event-store/port.js';
import { freshCategory, newEvent, newEvents, streamIn } from './new-event.js';

const revisions = (events: readonly RecordedEvent[]) => events.map((event) => event.revision);
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);

export function readContract(store: () => EventStore): void {
  describe('reading a stream', () => {
    async function streamOf(count: number): Promise<string> {
      const stream = streamIn('note');
      await store().append(stream, 'none', newEvents(count));
      return stream;
    }

    it('gives back what was appended, with its place and time', async () => {
      const stream = streamIn('note');
      const events = [newEvent({ a: 1 }, 'First'), newEvent([2], 'Second')];
      const before = Date.now();
      const result = await store().append(stream, 'none', events);
      const read = await store().readStream(stream);
      expect(read).toMatchObject(events.map((event, revision) => ({ ...event, stream, revision })));
      expect(read[1]?.position).toBe(result.position);
      for (const { recordedAtMs } of read) {
        // Another machine's clock may be a little off.
        expect(Math.abs(recordedAtMs - before)).toBeLessThan(60_000);
      }
    });

    it('that does not exist gives nothing', async () => {
      expect(await store().readStream(streamIn('note'))).toEqual([]);
    });

    it.each([
      ['forwards from the start', {}, [0, 1, 2, 3, 4]],
      ['forwards from start by name', { from: 'start' as const, limit: 2 }, [0, 1]],
      ['forwards from a revision, inclusive', { from: 2 }, [2, 3, 4]],
      ['forwards a page', { from: 1, limit: 2 }, [1, 2]],
      ['forwards from behind the end', { from: 5 }, []],
      ['forwards from the end', { from: 'end' as const }, []],
      ['backwards from the end', { direction: 'backwards' as const }, [4, 3, 2, 1, 0]],
      ['the last event', { direction: 'backwards' as const, from: 'end' as const, limit: 1 }, [4]],
      ['backwards from a revision, inclusive', { direction: 'backwards' as const, from: 2 }, [2, 1, 0]],
      ['backwards from behind the end', { direction: 'backwards' as const, from: 9, limit: 2 }, [4, 3]],
    ])('%s', async (_, options, expected) => {
      expect(revisions(await store().readStream(await streamOf(5), options))).toEqual(expected);
    });

    it('keeps apart streams whose names begin alike', async () => {
      const stream = streamIn('note');
      await store().append(stream, 'none', newEvents(1));
      await store().append(`${stream}-more`, 'none', newEvents(2));
      expect(await store().readStream(stream)).toHaveLength(1);
    });
  });

  describe('reading a category', () => {
    it('gives all its streams in log order, both ways, from a position, by the page', async () => {
      const category = freshCategory();
      const [one, two] = [streamIn(category), streamIn(category)];
      const appended = [newEvents(2), newEvents(1), newEvents(2)];
      const [first = [], second = [], third = []] = appended;
      await store().append(one, 'none', first);
      await store().append(streamIn(freshCategory()), 'none', newEvents(1));
      await store().append(two, 'none', second);
      await store().append(one, 1, third);
      const inOrder = ids(appended.flat());
      const all = await store().readCategory(category);
      expect(ids(all)).toEqual(inOrder);
      const from = all[2]?.position;
      expect(ids(await store().readCategory(category, { from, limit: 2 }))).toEqual(inOrder.slice(2, 4));
      const back = { direction: 'backwards' as const };
      expect(ids(await store().readCategory(category, back))).toEqual([...inOrder].reverse());
      expect(ids(await store().readCategory(category, { ...back, from }))).toEqual(
        inOrder.slice(0, 3).reverse(),
      );
      expect(ids(await store().readCategory(category, { ...back, limit: 1 }))).toEqual(inOrder.slice(-1));
      expect(await store().readCategory(category, { from: 'end' })).toEqual([]);
    });

    it('takes the text before the first hyphen for the category', async () => {
      const category = freshCategory();
      await store().append(`${category}-b-c`, 'none', newEvents(1));
      expect(await store().readCategory(category)).toHaveLength(1);
      expect(await store().readCategory(`${category}-b`)).toEqual([]);
      expect(await store().readCategory(category.slice(0, -1))).toEqual([]);
    });
  });

  describe('reading the whole log', () => {
    it('gives every stream in log order from a position, both ways', async () => {
      const first = await store().append(streamIn('note'), 'none', newEvents(2));
      const middle = await store().append(streamIn('memo'), 'none', newEvents(1));
      const last = await store().append(streamIn('note'), 'none', newEvents(1));
      const forwards = await store().readAll({ from: first.position, limit: 3 });
      const positions = [first.position, middle.position, last.position];
      expect(forwards.map((event) => event.position)).toEqual(positions);
      const backwards = await store().readAll({ from: last.position, direction: 'backwards', limit: 3 });
      expect(backwards.map((event) => event.position)).toEqual([...positions].reverse());
      const newest = await store().readAll({ direction: 'backwards', limit: 1 });
      expect(newest[0]?.position).toBe(last.position);
      expect(await store().readAll({ from: 'end' })).toEqual([]);
    });

    it('by pages gives each event once', async () => {
      const category = freshCategory();
      const events = newEvents(25);
      for (const event of events) await store().append(streamIn(category), 'none', [event]);
      const [start] = await store().readCategory(category, { limit: 1 });
      const seen: RecordedEvent[] = [];
      let from: Position | undefined = start?.position;
      while (seen.length < 25) {
        const page: RecordedEvent[] = await store().readAll({ from, limit: 8 });
        // Inclusive: the last event of a page opens the next.
        seen.push(...page.slice(seen.length === 0 ? 0 : 1));
        from = page.at(-1)?.position;
      }
      expect(ids(seen)).toEqual(ids(events));
    });

    it('head is the position of the newest event', async () => {
      const { position } = await store().append(streamIn('note'), 'none', newEvents(3));
      expect(await store().head()).toBe(position);
    });
  });

  it('a page has at most the limit, the largest limit by default', async () => {
    const category = freshCategory();
    const stream = streamIn(category);
    for (let page = 0; page < 5; page++) {
      await store().append(stream, page === 0 ? 'none' : page * 1000 - 1, newEvents(1000));
    }
    expect(await store().readStream(stream)).toHaveLength(maxReadCount);
    expect(await store().readCategory(category)).toHaveLength(maxReadCount);
    expect(await store().readAll({ direction: 'backwards' })).toHaveLength(maxReadCount);
    for (const limit of [0, -1, 1.5, maxReadCount + 1]) {
      await expect(store().readStream(stream, { limit })).rejects.toThrow(RangeError);
      await expect(store().readCategory(category, { limit })).rejects.toThrow(RangeError);
      await expect(store().readAll({ limit })).rejects.toThrow(RangeError);
    }
  });

  describe('an event', () => {
    it.each([
      ['nested', { a: [{ b: { c: [1, [2]] } }], empty: {}, none: [] }],
      ['null', null],
      ['numbers', [0, -1.5, 1e21, Number.MAX_SAFE_INTEGER, 5e-324]],
      ['Korean', { 이름: '콘서트 예매', 좌석: 'A-12' }],
      ['emoji and other planes', '🎫👩‍👩‍👧 𝄞'],
      ['awkward text', 'quote " backslash \\ newline \n nul \u0000 separator \u2028 lone \ud800'],
      ['keys like methods', JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toJSON": 3}')],
    ])('keeps JSON as it is: %s', async (_, data) => {
      const stream = streamIn('note');
      await store().append(stream, 'none', [{ ...newEvent(data), metadata: { copy: data } }]);
      const [read] = await store().readStream(stream);
      expect(JSON.stringify(read?.data)).toBe(JSON.stringify(data));
      expect(JSON.stringify(read?.metadata)).toBe(JSON.stringify({ copy: data }));
    });

    it('has a stream and a type in any script', async () => {
      const stream = `${freshCategory()}-좌석 A-12 🎫`;
      await store().append(stream, 'none', [newEvent(1, '좌석이 잡혔다')]);
      expect(await store().readStream(stream)).toMatchObject([{ stream, type: '좌석이 잡혔다', data: 1 }]);
    });

    it('is as it was when appended, whatever happens to the object afterwards', async () => {
      const stream = streamIn('note');
      const event = newEvent({ seats: ['A-1'], heldAt: new Date(0) });
      const data = event.data as { seats: string[] };
      const appended = store().append(stream, 'none', [event]);
      data.seats.push('A-2');
      await appended;
      data.seats.push('A-3');
      const [read] = await store().readStream(stream);
      expect(read?.data).toEqual({ seats: ['A-1'], heldAt: '1970-01-01T00:00:00.000Z' });
    });
  });
}
