import { randomUUID } from 'node:crypto';
import { BoardFeeds } from '../../src/boards/board-feeds.js';
import type { QueueBoards } from '../../src/boards/queue-boards.js';
import type { SeatBoards } from '../../src/boards/seat-boards.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { HoldId, TokenId, UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { changeSeat } from '../api/stream-client.js';
import { performanceId, scheduleId, seat } from '../commands/theatre.js';
import { RecordedLog } from '../processes/support.js';
import { History, id, minute } from '../projections/history.js';
import { eventually } from '../services/wait-until.js';

const soon = { limitMs: 5_000 };
/** What the feeds tell the boards, in order. */
const calls: unknown[][] = [];
const noting = (board: string, ...methods: readonly string[]) =>
  Object.fromEntries(
    methods.map((method) => [method, (...told: unknown[]) => void calls.push([board, method, ...told])]),
  );
const toldOf = (board: string, method: string) =>
  calls.filter(([of, what]) => of === board && what === method).map(([, , ...told]) => told);

let history: History;
let store: InMemoryEventStore;
let feeds: BoardFeeds;
let log: RecordedLog;
beforeEach(async () => {
  calls.length = 0;
  store = new InMemoryEventStore();
  history = new History(store);
  log = new RecordedLog();
  const common = ['begin', 'followed', 'missed', 'catalogChanged'];
  // All that the feeds use of the boards.
  const seats = noting('seats', ...common, 'changed') as unknown as SeatBoards;
  const queues = noting('queues', ...common, 'seatChanged', 'take') as unknown as QueueBoards;
  feeds = new BoardFeeds(store, seats, queues, log);
  feeds.add(noting('listener', 'seatChanged', 'queueEvent', 'queueEventsMissed'));
});
afterEach(() => feeds.stop());

const unreadable = () => ({ id: randomUUID(), type: 'FromTheFuture', data: {}, metadata: {} });

describe('the feeds of the boards', () => {
  it('tell both boards where following begins, and how far it has come', async () => {
    const head = await changeSeat(store, 'A-1', 'held');
    await feeds.start();
    expect(toldOf('seats', 'begin')).toEqual([[head]]);
    expect(toldOf('queues', 'begin').sort()).toEqual([
      ['queues', head],
      ['seats', head],
    ]);
    const position = await changeSeat(store, 'A-2', 'held');
    await eventually(() => toldOf('queues', 'followed').some(([what]) => what === 'seats'), soon);
    await eventually(() => toldOf('queues', 'followed').some(([what]) => what === 'queues'), soon);
    expect(toldOf('seats', 'followed').at(-1)).toEqual([position]);
    expect(toldOf('queues', 'seatChanged')).toEqual([[expect.any(String), position]]);
  });

  it('tell until when a seat is not free: after the deadline of its hold, and after it was given back', async () => {
    await feeds.start();
    const seatId = seat('A-1');
    const stream = streams.seat(scheduleId, seatId);
    const hold = { scheduleId, seatId, holdId: id<HoldId>('hold'), userId: id<UserId>('mina') };
    const held = { tokenId: id<TokenId>('token'), price: 9, expiresAt: minute(1), returnDelayMs: 1 };
    await history.add(stream, { type: 'SeatHeld', data: { ...hold, ...held } });
    const end = { ...hold, expiredAt: minute(1), availableFrom: minute(2) };
    await history.add(stream, { type: 'SeatHoldExpired', data: end });
    await eventually(() => toldOf('seats', 'changed').length === 2, soon);
    const untilMs = Date.parse(minute(1)) + 1_000;
    expect(toldOf('seats', 'changed')).toMatchObject([
      [{ taken: { status: 'held', untilMs } }],
      [{ taken: { status: 'held', untilMs: Date.parse(minute(2)), isReturning: true } }],
    ]);
  });

  it('tell both boards of a change of the catalog', async () => {
    await feeds.start();
    const data = { scheduleId, performanceId, reason: 'the singer is ill' };
    await history.add(streams.schedule(scheduleId), { type: 'ScheduleCancelled', data });
    await eventually(() => toldOf('queues', 'catalogChanged').length === 1, soon);
    const position = await store.head();
    expect(toldOf('seats', 'catalogChanged')).toMatchObject([[{ type: 'ScheduleCancelled' }, position]]);
    expect(toldOf('queues', 'catalogChanged')).toEqual([[position]]);
  });

  it('tell both boards of a seat’s event that cannot be read, report it, and go on', async () => {
    await feeds.start();
    const stream = streams.seat(scheduleId, seat('A-1'));
    const { position } = await store.append(stream, 'any', [unreadable()]);
    const next = await changeSeat(store, 'A-2', 'held');
    await eventually(() => toldOf('listener', 'seatChanged').length === 1, soon);
    expect([toldOf('seats', 'missed'), toldOf('queues', 'missed')]).toEqual([[[position]], [[position]]]);
    expect(toldOf('seats', 'changed')).toMatchObject([[{ seatId: 'A-2', position: next }]]);
    expect(log.lines).toMatchObject([{ level: 'error', details: { event: { position } } }]);
  });

  it('tell the boards of queues and those who watch of a queue’s event that cannot be read, and report it', async () => {
    await feeds.start();
    const { position } = await store.append(streams.queue(performanceId), 'any', [unreadable()]);
    await eventually(() => log.lines.length === 1, soon);
    expect([toldOf('seats', 'missed'), toldOf('queues', 'missed')]).toEqual([[], [[position]]]);
    expect(toldOf('listener', 'queueEventsMissed')).toEqual([[]]);
    expect(log.lines).toMatchObject([{ level: 'error', details: { event: { position } } }]);
  });
});
