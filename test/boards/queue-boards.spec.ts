import fc from 'fast-check';
import { QueueBoards } from '../../src/boards/queue-boards.js';
import type { EventStore, Position } from '../../src/event-store/port.js';
import { type Instant, type ScheduleId, type TokenId, toInstant } from '../../src/events/ids.js';
import { decodeEvent } from '../../src/events/registry.js';
import { categoryOf, streams } from '../../src/events/streams.js';
import type { Queries } from '../../src/queries/queries.js';
import { openQueries } from '../../src/queries/queries.js';
import { QueueBoard, type QueueState, type TokenState } from '../../src/queries/queue-board.js';
import { placeIn } from '../../src/queries/replies/queue.js';
import { performanceId as hallPerformance, publishHall, seatNames } from '../analysis/history/hall.js';
import { fans, Play, steps, tokenOf } from '../analysis/history/queue-play.js';
import { ManualClock, performanceId, tokenId } from '../api/api-under-test.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, run } from '../projections/history.js';
import { bySize } from '../services/test-size.js';

const at = (position: number): Position => position as Position; // a test's own position
const night = id<ScheduleId>('night');

afterEach(closeAll);

/** Passes the log on to boards as the two subscriptions of a process do, as far as the test wants. */
class Feeds {
  #next: Position | 'start' = 'start';

  constructor(
    private readonly store: EventStore,
    private readonly boards: QueueBoards,
  ) {}

  async begin(): Promise<void> {
    const head = await this.store.head();
    this.boards.begin('queues', head);
    this.boards.begin('seats', head);
    this.#next = head === undefined ? 'start' : at(head + 1);
  }

  /** @param isGap the events cannot be read. */
  async follow(isGap = false): Promise<void> {
    const events = await this.store.readAll({ from: this.#next });
    for (const recorded of events) {
      const { position, revision, stream } = recorded;
      const event = decodeEvent(recorded);
      if (isGap) this.boards.missed(position);
      else if (['queue', 'admission', 'token'].includes(categoryOf(stream)))
        this.boards.take(event, revision, position);
      else if (event.type === 'SeatHeld' || event.type === 'SeatHoldReleased')
        this.boards.seatChanged(event.data.scheduleId, position);
      else this.boards.catalogChanged(position);
      this.#next = at(position + 1);
    }
    const head = events.at(-1)?.position;
    if (head === undefined) return;
    this.boards.followed('queues', head);
    this.boards.followed('seats', head);
  }
}

/** What a process does after an event of the queue, in this order; some of it seldom. */
const moments = fc.array(
  fc.record({
    happens: fc.oneof(
      { weight: 6, arbitrary: fc.constant('nothing' as const) },
      { weight: 2, arbitrary: fc.constantFrom('hold', 'release') },
      { weight: 1, arbitrary: fc.constant('republish' as const) },
    ),
    isPlaceAnswered: fc.boolean(),
    areTablesCurrent: fc.boolean(),
    isAskedFirst: fc.boolean(),
    follows: fc.oneof(
      { weight: 12, arbitrary: fc.constant('all' as const) },
      { weight: 6, arbitrary: fc.constant('nothing' as const) },
      { weight: 1, arbitrary: fc.constantFrom('a gap', 'a restart') },
    ),
    isAsked: fc.boolean(),
  }),
  { minLength: 40, maxLength: 40 },
);

async function changeSeat(history: History, kind: 'hold' | 'release'): Promise<void> {
  const seatId = seatNames[0];
  const data = { scheduleId: night, seatId, holdId: id<never>('hold'), userId: id('holder') };
  const stream = streams.seat(night, seatId);
  if (kind === 'release') {
    await history.add(stream, { type: 'SeatHoldReleased', data: { ...data, reason: 'released' } });
    return;
  }
  const held = { ...data, tokenId: tokenOf('holder').tokenId, price: 100, expiresAt: minute(2_000) };
  await history.add(stream, { type: 'SeatHeld', data: held });
}

/** As the reply to joining does, whatever has happened since. */
async function answerJoining({ store }: History, boards: QueueBoards, fan: string): Promise<void> {
  const { tokenId } = tokenOf(fan);
  const [requested] = await store.readStream(streams.token(tokenId));
  const numbers = await store.readStream(streams.queue(hallPerformance));
  const issued = numbers.map(decodeEvent);
  const number = issued.findIndex((event) => event.type === 'TokenIssued' && event.data.tokenId === tokenId);
  if (!requested) throw new Error(`${fan} has not joined`);
  const token = { tokenId, performanceId: hallPerformance, numberOfTickets: 1 };
  expect(await boards.placeOfIssued(token, number, requested.position)).toMatchObject({ number });
}

describe('replies from the boards of queues', () => {
  it('are those of the tables after any history, also when events were missed or a process began late', async () => {
    await fc.assert(
      fc.asyncProperty(steps, moments, async (wanted, between) => {
        // Those of a run that failed.
        await closeAll();
        const history = new History();
        await publishHall(history, [night], minute(0));
        const play = new Play(history);
        const models = await emptyModels();
        const runner = run(history, models);
        const clock = new ManualClock();
        clock.ms = Date.parse(minute(900));
        const queries = openQueries(models.read, { waitFor: async () => true }, clock);
        const settings = { freshForMs: 0 };
        let boards = new QueueBoards(queries, settings, clock);
        let feeds = new Feeds(history.store, boards);
        await feeds.begin();
        const ask = async () => {
          await boards.queue(hallPerformance);
          for (const fan of fans) await boards.placeOf(tokenOf(fan).tokenId);
        };
        for (const [n, step] of wanted.entries()) {
          await play.step(step);
          const moment = between[n];
          if (!moment) continue;
          const { happens, isPlaceAnswered, areTablesCurrent, isAskedFirst, follows, isAsked } = moment;
          if (happens === 'hold' || happens === 'release') await changeSeat(history, happens);
          if (happens === 'republish') await publishHall(history, [night], minute(0), { maxActive: n + 1 });
          if (areTablesCurrent) await caughtUp(history, runner);
          if (isPlaceAnswered && step.kind === 'join')
            await answerJoining(history, boards, fans[step.fan] ?? '');
          if (isAskedFirst) await ask();
          if (follows === 'a restart') {
            boards = new QueueBoards(queries, settings, clock);
            feeds = new Feeds(history.store, boards);
            await feeds.begin();
          } else if (follows !== 'nothing') {
            await feeds.follow(follows === 'a gap');
          }
          if (isAsked) await ask();
        }
        await feeds.follow();
        await caughtUp(history, runner);
        for (const now of [minute(900), minute(1_001)]) {
          clock.ms = Date.parse(now);
          expect(await boards.queue(hallPerformance)).toEqual(await queries.queue(hallPerformance));
          for (const fan of fans) {
            const { tokenId } = tokenOf(fan);
            expect(await boards.placeOf(tokenId)).toEqual(await queries.queueToken(tokenId));
          }
        }
      }),
      { numRuns: bySize(30, 120), endOnFailure: true },
    );
  });
});

const idle: QueueState = {
  capacity: 100,
  max_active: 10,
  admit_per_second: 2,
  service_window_ms: 60_000,
  opens_at: null,
  opened: true,
  shuffled_count: 0,
  issued: 5,
  admitted_up_to: 1,
  waiting: 4,
  admitted: 1,
  entered: 0,
};

const waitingAt = (place: number, position = 10): TokenState => ({
  tokenId,
  performanceId,
  number: place,
  place,
  status: 'waiting',
  enterBefore: null,
  expiresAt: null,
  numberOfTickets: 2,
  position,
});

describe('boards of queues in memory', () => {
  let asked: string[];
  let queue: QueueState | undefined;
  let token: TokenState | undefined;
  let position: number;
  let clock: ManualClock;
  let boards: QueueBoards;
  let changed: string[];

  const board = () => new QueueBoard(performanceId, queue, { dates, closesAt: null }, position);
  let dates: {
    schedule_id: ScheduleId;
    status: 'scheduled';
    schedule_date_time: Instant;
    capacity: number;
    available_seats: number;
    held_seats: number;
  }[];

  function open(freshForMs = 0): QueueBoards {
    const queries: Pick<Queries, 'queueBoard' | 'queueTokens' | 'queueHead'> = {
      queueBoard: async () => {
        asked.push('queue');
        return board();
      },
      queueTokens: async (ids) => {
        asked.push(`tokens ${ids.length}`);
        return token && ids.includes(token.tokenId) ? [{ ...token, position }] : [];
      },
      queueHead: async () => {
        asked.push('head');
        return 1;
      },
    };
    const opened = new QueueBoards(queries, { freshForMs }, clock);
    opened.begin('queues', at(5));
    opened.begin('seats', at(5));
    opened.onChange((performanceId) => changed.push(performanceId));
    return opened;
  }

  beforeEach(() => {
    asked = [];
    changed = [];
    queue = idle;
    token = waitingAt(3);
    position = 10;
    clock = new ManualClock();
    dates = [
      {
        schedule_id: night,
        status: 'scheduled',
        schedule_date_time: toInstant(clock.ms + 86_400_000),
        capacity: 9,
        available_seats: 9,
        held_seats: 0,
      },
    ];
    boards = open();
  });

  const user = { userId: id('fan'), performanceId };
  const left = (to: number, of: TokenId = tokenId) =>
    boards.take({ type: 'TokenLeft', data: { ...user, tokenId: of } }, 3, at(to));
  const admitted = (places: number, to: number) => {
    const until = toInstant(clock.ms + 60_000);
    const data = { performanceId, from: 1, to: places, admittedAt: until, expiresAt: until, nextAt: until };
    boards.take({ type: 'TokensAdmitted', data }, 1, at(to));
  };

  it('ask the tables once, however often the queue and a place are asked for', async () => {
    for (let time = 0; time < 5; time++) {
      await boards.queue(performanceId);
      expect(await boards.placeOf(tokenId)).toMatchObject({ place: 3, ahead: 2 });
    }
    expect(asked).toEqual(['queue', 'head', 'tokens 1']);
  });

  it('are read once by those who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => boards.of(performanceId)));
    expect(asked).toEqual(['queue']);
  });

  it('show numbers and admissions at once, before the tables have them', async () => {
    boards = open(60_000);
    await boards.placeOf(tokenId);
    boards.take(
      { type: 'TokenIssued', data: { ...user, tokenId: id<TokenId>('x'), numberOfTickets: 1 } },
      5,
      at(11),
    );
    admitted(3, 12);
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'waiting', ahead: 0 });
    expect((await boards.of(performanceId)).live(clock.ms)).toMatchObject({
      issued: 6,
      admittedUpTo: 3,
      waiting: 3,
      active: 3,
    });
    expect(asked).toEqual(['tokens 1', 'queue']);
  });

  it('are read again when they have changed, not more often than replies may be old', async () => {
    boards = open(60_000);
    await boards.of(performanceId);
    left(11);
    await boards.of(performanceId);
    expect([asked.length, boards.isBehind(performanceId)]).toEqual([1, true]);
    boards = open(0);
    await boards.of(performanceId);
    left(11);
    position = 11;
    for (let time = 0; time < 3; time++) await boards.of(performanceId);
    expect([asked.length, boards.isBehind(performanceId)]).toEqual([3, false]);
  });

  it('are asked of the tables while they lack the position that is wanted', async () => {
    boards = open(60_000);
    await boards.placeOf(tokenId);
    token = { ...waitingAt(3), status: 'left' };
    position = 15;
    expect(await boards.placeOf(tokenId, at(15))).toMatchObject({ status: 'left' });
    boards.followed('queues', at(20));
    boards.followed('seats', at(20));
    asked.length = 0;
    await boards.placeOf(tokenId, at(20));
    expect(asked).toEqual([]);
    boards.followed('queues', at(30));
    await boards.placeOf(tokenId, at(30));
    // The sale is not known up to there.
    expect(asked).toContain('queue');
  });

  it('read a token again that the admissions have passed, and not the others', async () => {
    await boards.placeOf(tokenId);
    asked.length = 0;
    admitted(3, 11);
    position = 11;
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'waiting' });
    expect(asked).toEqual(['queue']);
    admitted(4, 12);
    position = 12;
    queue = { ...idle, admitted_up_to: 4 };
    token = { ...waitingAt(3), status: 'admitted', enterBefore: toInstant(clock.ms + 60_000) };
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'admitted' });
    expect(asked).toEqual(['queue', 'queue', 'tokens 1']);
  });

  it('answer a fan who has joined before events and tables have it, and keep the place', async () => {
    boards = open(60_000);
    await boards.of(performanceId);
    token = undefined;
    asked.length = 0;
    const joined = { tokenId, performanceId, numberOfTickets: 2 };
    expect(await boards.placeOfIssued(joined, 5, at(11))).toMatchObject({
      number: 5,
      place: 5,
      status: 'waiting',
      ahead: 4,
      numberOfTickets: 2,
    });
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: 5, place: 5 });
    boards.take({ type: 'TokenRequested', data: { ...user, ...joined, entry: 0, seatLimit: 4 } }, 0, at(11));
    boards.take({ type: 'TokenIssued', data: { ...user, ...joined } }, 5, at(12));
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: 5, place: 5 });
    left(13);
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'left' });
    expect(asked).toEqual([]);
  });

  it('know a token from its first event on, and its place when the opening does not draw it', async () => {
    boards = open(60_000);
    queue = { ...idle, opened: false };
    await boards.of(performanceId);
    const late = id<TokenId>('late');
    const join = (tokenId: TokenId, number: number, to: number) => {
      const data = { ...user, tokenId, numberOfTickets: 1 };
      boards.take({ type: 'TokenRequested', data: { ...data, entry: 0, seatLimit: 4 } }, 0, at(to));
      boards.take({ type: 'TokenIssued', data }, number, at(to + 1));
    };
    token = undefined;
    asked.length = 0;
    join(tokenId, 5, 11);
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: 5, place: null, opened: false });
    join(late, 6, 13);
    const seed = 'ab'.repeat(32);
    boards.take({ type: 'QueueOpened', data: { performanceId, seed, shuffledCount: 6 } }, 0, at(15));
    expect(await boards.placeOf(late)).toMatchObject({ number: 6, place: 6, opened: true });
    expect(asked).toEqual([]);
    // Drawn: only the tables have it.
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: 5, place: null, status: 'waiting' });
    token = waitingAt(2);
    expect(await boards.placeOf(tokenId)).toMatchObject({ place: null });
    position = 16;
    expect(await boards.placeOf(tokenId)).toMatchObject({ place: 2 });
  });

  it('do not trust the first event of a token when it is told again after what came later was forgotten', async () => {
    left(12);
    boards.missed(at(13));
    const joined = { ...user, tokenId, numberOfTickets: 2 };
    boards.take({ type: 'TokenRequested', data: { ...joined, entry: 0, seatLimit: 4 } }, 0, at(11));
    position = 13;
    token = { ...waitingAt(3), status: 'left' };
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'left' });
  });

  it('read a token again that has got its number', async () => {
    token = { ...waitingAt(3), number: null, place: null };
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: null });
    boards.take({ type: 'TokenIssued', data: { ...user, tokenId, numberOfTickets: 2 } }, 3, at(11));
    token = waitingAt(3);
    position = 11;
    expect(await boards.placeOf(tokenId)).toMatchObject({ number: 3, place: 3 });
  });

  it('do not keep a token that tables behind its last event show', async () => {
    left(11);
    await boards.placeOf(tokenId);
    position = 11;
    token = { ...waitingAt(3), status: 'left' };
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'left' });
    asked.length = 0;
    expect(await boards.placeOf(tokenId)).toMatchObject({ status: 'left' });
    expect(asked).not.toContain('tokens 1');
  });

  it('keep nothing that was read before they follow the log', async () => {
    position = 3;
    await boards.placeOf(tokenId);
    asked.length = 0;
    await boards.placeOf(tokenId);
    expect(asked).toEqual(['tokens 1', 'queue']);
  });

  it('notice seats of the queue’s dates, and no others', async () => {
    await boards.of(performanceId);
    boards.seatChanged(id<ScheduleId>('elsewhere'), at(11));
    expect(changed).toEqual([]);
    boards.seatChanged(night, at(12));
    expect([changed, boards.isBehind(performanceId)]).toEqual([[performanceId], true]);
  });

  it('notice seats of a date that was published while the queue was in memory', async () => {
    await boards.of(performanceId);
    const added = id<ScheduleId>('second night');
    const [first] = dates;
    if (first) dates = [first, { ...first, schedule_id: added }];
    boards.catalogChanged(at(11));
    boards.seatChanged(added, at(12));
    position = 11;
    await boards.of(performanceId);
    // The tables lack the change of the seat.
    expect(boards.isBehind(performanceId)).toBe(true);
  });

  it('are read anew after an event that could not be taken in', async () => {
    await boards.placeOf(tokenId);
    boards.missed(at(12));
    position = 11;
    for (let time = 0; time < 2; time++) await boards.placeOf(tokenId);
    expect(asked.filter((question) => question === 'tokens 1')).toHaveLength(3);
    position = 12;
    for (let time = 0; time < 2; time++) await boards.placeOf(tokenId);
    expect(asked.filter((question) => question === 'tokens 1')).toHaveLength(4);
  });

  it('remember a bounded number of tokens, and do not trust tables that are behind those forgotten', async () => {
    left(11);
    for (let n = 0; n < 250_000; n++) left(12 + n, `other ${n}` as TokenId); // a test's own id
    position = 10;
    await boards.placeOf(tokenId);
    asked.length = 0;
    await boards.placeOf(tokenId);
    expect(asked).toContain('tokens 1');
  });

  it('are null for a queue or token that is unknown, and do not keep it', async () => {
    queue = undefined;
    token = undefined;
    expect(await boards.queue(performanceId)).toBeNull();
    expect(await boards.placeOf(tokenId)).toBeNull();
    expect(boards.known(performanceId)).toBeUndefined();
  });

  it('tell everybody what each needs to compute the own place', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 }), fc.nat({ max: 8 }), fc.boolean(), (place, upTo, opened) => {
        queue = {
          ...idle,
          opened,
          admitted_up_to: upTo,
          opens_at: toInstant(clock.ms + 5_000),
          waiting: 5,
          issued: 9,
        };
        const then = board();
        const own = opened ? waitingAt(place) : { ...waitingAt(place), place: null };
        const first = then.placeOf(own, clock.ms);
        queue = { ...queue, admitted_up_to: upTo + 1, waiting: 4, opened: true };
        const later = board();
        const nowMs = clock.ms + 1_000;
        expect(placeIn(first, later.live(nowMs), nowMs)).toEqual(later.placeOf(own, nowMs));
      }),
    );
  });
});
