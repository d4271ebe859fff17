import { EventIndexes, type IndexLimits } from '../../../src/analysis/history/event-index.js';
import { latest } from '../../../src/analysis/history/past-events.js';
import { HistoryUnavailable } from '../../../src/analysis/history/port.js';
import { seatIndexes } from '../../../src/analysis/history/seat-map-at.js';
import { InMemoryEventStore } from '../../../src/event-store/in-memory-event-store.js';
import {
  type EventStore,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  StoreUnavailable,
} from '../../../src/event-store/port.js';
import {
  type HoldId,
  type ScheduleId,
  type SeatId,
  seatIdSchema,
  type TokenId,
} from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { History, id, minute } from '../../projections/history.js';
import { eventually } from '../../services/wait-until.js';

const start = 0 as Position; // before every event
const night = (name: string) => id<ScheduleId>(name);
const generous: IndexLimits = { maxBytes: 1_000_000, maxBuilds: 2, waitMs: 60_000 };

/** A store whose category reads are counted, and wait or fail when told to. */
class WatchedStore extends InMemoryEventStore {
  reads = 0;
  gate: Promise<void> = Promise.resolve();
  failing = false;

  override async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    this.reads += 1;
    await this.gate;
    if (this.failing) throw new StoreUnavailable('away');
    return super.readCategory(category, options);
  }

  /** Keeps reads waiting until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    this.gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }
}

let seatNumber = 0;
function holdSeat(history: History, scheduleId: ScheduleId): Promise<Position> {
  const seatId: SeatId = seatIdSchema.parse(`S-${seatNumber++}`);
  const data = {
    scheduleId,
    seatId,
    holdId: id<HoldId>(seatId),
    userId: id('fan'),
    tokenId: id<TokenId>('t'),
  };
  const held = { type: 'SeatHeld', data: { ...data, price: 1, expiresAt: minute(99) } } as const;
  return history.add(streams.seat(scheduleId, seatId), held, minute(1));
}

const open = (store: EventStore, limits: Partial<IndexLimits> = {}) =>
  new EventIndexes(store, seatIndexes, { ...generous, ...limits });

describe('timelines', () => {
  it('are built by one pass for all who ask at once, and by none when nothing is new', async () => {
    const store = new WatchedStore();
    const history = new History(store);
    for (let n = 0; n < 1_100; n++) await holdSeat(history, night(n % 2 === 0 ? 'a' : 'b'));
    const timelines = open(store);
    const asked = await Promise.all(Array.from({ length: 10 }, () => timelines.get(night('a'), start)));
    expect(new Set(asked).size).toBe(1);
    expect(asked[0]?.countAt(latest)).toBe(550);
    // Five pages of 256.
    expect(store.reads).toBe(5);
    await timelines.get(night('a'), start);
    expect(store.reads).toBe(5);
  });

  it('hold what was written while they were read, for those who asked after it', async () => {
    const store = new WatchedStore();
    const history = new History(store);
    await holdSeat(history, night('a'));
    const timelines = open(store);
    const release = store.hold();
    const early = timelines.get(night('a'), start);
    await eventually(() => store.reads === 1);
    await holdSeat(history, night('a'));
    const late = timelines.get(night('a'), start);
    release();
    await early;
    expect((await late).countAt(latest)).toBe(2);
  });

  it('refuse a third build while two run, and say when one takes too long', async () => {
    const store = new WatchedStore();
    await holdSeat(new History(store), night('a'));
    const timelines = open(store, { waitMs: 1 });
    const release = store.hold();
    const two = [timelines.get(night('a'), start), timelines.get(night('b'), start)];
    await expect(timelines.get(night('c'), start)).rejects.toEqual(new HistoryUnavailable('too-many-builds'));
    for (const one of two) await expect(one).rejects.toEqual(new HistoryUnavailable('building'));
    release();
    // The builds went on: what they read is there.
    await eventually(() => store.reads >= 2 && timelines.bytes > 0);
    const patient = open(store);
    expect((await patient.get(night('c'), start)).countAt(latest)).toBe(0);
  });

  it('go on after a failure from where they were', async () => {
    const store = new WatchedStore();
    const history = new History(store);
    await holdSeat(history, night('a'));
    const timelines = open(store);
    await timelines.get(night('a'), start);
    await holdSeat(history, night('a'));
    store.failing = true;
    await expect(timelines.get(night('a'), start)).rejects.toThrow(StoreUnavailable);
    store.failing = false;
    expect((await timelines.get(night('a'), start)).countAt(latest)).toBe(2);
  });

  it('are forgotten least recently used first, and never exceed their memory', async () => {
    const store = new WatchedStore();
    const history = new History(store);
    for (const name of ['a', 'b', 'c']) await holdSeat(history, night(name));
    const one = await open(store).get(night('a'), start);
    const timelines = open(store, { maxBytes: 2 * one.bytes });
    const a = await timelines.get(night('a'), start);
    const b = await timelines.get(night('b'), start);
    expect(await timelines.get(night('a'), start)).toBe(a);
    await timelines.get(night('c'), start);
    expect(timelines.bytes).toBeLessThanOrEqual(2 * one.bytes);
    expect(await timelines.get(night('a'), start)).toBe(a);
    expect(await timelines.get(night('b'), start)).not.toBe(b);
    const tooSmall = open(store, { maxBytes: one.bytes - 1 });
    await expect(tooSmall.get(night('a'), start)).rejects.toEqual(new HistoryUnavailable('too-large'));
    expect(tooSmall.bytes).toBe(0);
  });
});
