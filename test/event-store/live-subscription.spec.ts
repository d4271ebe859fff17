import timers, { setImmediate as nextTurn } from 'node:timers/promises';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { type LiveSubscriber, LiveSubscription } from '../../src/event-store/live-subscription.js';
import type {
  Position,
  RecordedEvent,
  SubscribeOptions,
  Subscription,
  SubscriptionBatch,
} from '../../src/event-store/port.js';
import { changeSeat } from '../api/stream-client.js';
import { RecordedLog } from '../processes/support.js';
import { eventually } from '../services/wait-until.js';

/** All is in memory: what has not happened by then does not happen. */
const soon = { limitMs: 5_000 };

/**
 * A store whose subscriptions can be broken. It answers in later turns of the event loop, as a distant one does: what asks
 * it again and again without a pause does not keep a test from ending.
 */
class FragileStore extends InMemoryEventStore {
  headFailures = 0;
  subscribed: SubscribeOptions[] = [];
  #break: (error?: Error) => void = () => undefined;

  override async head(): Promise<Position | undefined> {
    await nextTurn();
    if (this.headFailures-- > 0) throw new Error('the store is away');
    return super.head();
  }

  override subscribe(
    options: SubscribeOptions,
    handler: (batch: SubscriptionBatch) => Promise<void>,
  ): Subscription {
    this.subscribed.push(options);
    const inner = super.subscribe(options, handler);
    let ended: Error | undefined;
    this.#break = (error) => {
      ended ??= error;
      void inner.stop();
    };
    const done = inner.done.then(nextTurn).then(() => {
      if (ended) throw ended;
    });
    return { stop: () => inner.stop(), done };
  }

  interrupt(): void {
    this.#break(new Error('connection lost'));
  }

  end(): void {
    this.#break();
  }
}

const store = () => new FragileStore();
const running: LiveSubscription[] = [];
afterEach(() => Promise.all(running.splice(0).map((subscription) => subscription.stop())));

function follow(
  from: FragileStore,
  subscriber: LiveSubscriber,
  { log = new RecordedLog(), after }: { log?: RecordedLog; after?: 'start' } = {},
) {
  const settings = { name: 'test', categories: ['seat'], log, backOff: { firstMs: 1, maxMs: 2 } };
  const subscription = new LiveSubscription(from, { ...settings, ...(after && { after }) }, subscriber);
  running.push(subscription);
  return subscription;
}

/** A subscriber that notes the positions of what it takes in. */
function noting() {
  const seen: Position[] = [];
  return { seen, take: ({ position }: RecordedEvent) => void seen.push(position) };
}

describe('a live subscription', () => {
  it('follows from now on, and takes up where it was after an interruption', async () => {
    const log = store();
    log.headFailures = 1;
    await changeSeat(log, 'A-1', 'held');
    const heads: (Position | undefined)[] = [];
    const { seen, take } = noting();
    const subscription = follow(log, { started: (head) => heads.push(head), take });
    await subscription.start();
    await eventually(() => log.subscribed.length === 1, soon);
    expect(heads).toEqual([await log.head()]);
    const second = await changeSeat(log, 'A-2', 'held');
    await eventually(() => seen.length === 1, soon);
    log.interrupt();
    const third = await changeSeat(log, 'A-3', 'held');
    await eventually(() => seen.length === 2, soon);
    expect(seen).toEqual([second, third]);
    log.interrupt();
    await subscription.stop();
  });

  it('loses nothing that is appended between its start and its first batch, however often it is interrupted', async () => {
    const log = store();
    const { seen, take } = noting();
    const subscription = follow(log, { take });
    await subscription.start();
    await eventually(() => log.subscribed.length === 1, soon);
    const appended: Position[] = [];
    for (let round = 0; round < 5; round++) {
      log.interrupt();
      appended.push(await changeSeat(log, `A-${round}`, 'held'));
      await eventually(() => log.subscribed.length === round + 2, soon);
    }
    await eventually(() => seen.length === 5, soon);
    expect(seen).toEqual(appended);
    expect(subscription.restarts).toBe(5);
  });

  it('logs an outage when it begins and when it is over', async () => {
    const from = store();
    const log = new RecordedLog();
    from.headFailures = 4;
    const subscription = follow(from, noting(), { log });
    await subscription.start();
    expect(log.lines).toMatchObject([{ level: 'warn', details: { err: { message: 'the store is away' } } }]);
    await changeSeat(from, 'A-1', 'held');
    await eventually(() => log.lines.length === 2, soon);
    expect(log.lines[1]).toMatchObject({ level: 'info', details: { process: 'test' } });
  });

  it('leaves out an event that cannot be taken in, says so once, and goes on with the next of its batch', async () => {
    const from = store();
    const log = new RecordedLog();
    const positions: Position[] = [];
    for (const seat of ['A-1', 'A-2', 'A-3', 'A-4']) positions.push(await changeSeat(from, seat, 'held'));
    const { seen, take } = noting();
    const poisoned = (event: RecordedEvent) => {
      if (event.position === positions[1] || event.position === positions[2]) throw new Error('unreadable');
      take(event);
    };
    const subscription = follow(from, { take: poisoned }, { log, after: 'start' });
    await subscription.start();
    await eventually(() => seen.length === 2, soon);
    expect(seen).toEqual([positions[0], positions[3]]);
    expect(subscription.leftOut).toBe(2);
    expect(subscription.restarts).toBe(0);
    expect(log.lines).toMatchObject([{ level: 'error', details: { event: { position: positions[1] } } }]);
  });

  it('hands a batch over again when it could not be handled', async () => {
    const from = store();
    const first = await changeSeat(from, 'A-1', 'held');
    const { seen, take } = noting();
    let failures = 2;
    const handled: Position[] = [];
    const taken = async ({ position }: Pick<SubscriptionBatch, 'position'>) => {
      if (failures-- > 0) throw new Error('not now');
      handled.push(position);
    };
    await follow(from, { take, taken }, { after: 'start' }).start();
    await eventually(() => handled.length === 1, soon);
    expect([seen, handled]).toEqual([[first, first, first], [first]]);
  });

  it('subscribes again also when its subscription ends without an error, and stops when it is told to', async () => {
    const from = store();
    const { seen, take } = noting();
    const subscription = follow(from, { take });
    await subscription.start();
    await eventually(() => from.subscribed.length === 1, soon);
    from.end();
    await eventually(() => from.subscribed.length === 2, soon);
    await changeSeat(from, 'A-1', 'held');
    await eventually(() => seen.length === 1, soon);
    await subscription.stop();
    await changeSeat(from, 'A-2', 'held');
    expect([seen.length, from.subscribed.length]).toEqual([1, 2]);
  });

  it('stops in the middle of a pause', async () => {
    const from = store();
    from.headFailures = 1;
    const settings = { name: 'test', categories: ['seat'], log: new RecordedLog() };
    const backOff = { firstMs: 60_000, maxMs: 60_000 };
    const subscription = new LiveSubscription(from, { ...settings, backOff }, noting());
    const ends: string[] = [];
    void subscription.start().then(() => ends.push('started'));
    await eventually(() => subscription.restarts > 0, soon);
    void subscription.stop().then(() => ends.push('stopped'));
    await eventually(() => ends.length === 2, soon);
    expect(from.subscribed).toEqual([]);
  });

  it('does not subscribe when it is stopped before it knows where to begin', async () => {
    const from = store();
    const subscription = follow(from, noting());
    const started = subscription.start();
    let hasStopped = false;
    void subscription.stop().then(() => {
      hasStopped = true;
    });
    await started;
    await eventually(() => hasStopped, soon);
    expect(from.subscribed).toEqual([]);
  });

  it('begins after the newest event, or at the start of an empty log or where it is told to, and says so once', async () => {
    const [empty, filled] = [store(), store()];
    const first = await changeSeat(filled, 'A-1', 'held');
    const heads: (Position | undefined)[] = [];
    const started = (head: Position | undefined) => void heads.push(head);
    for (const from of [empty, filled]) {
      await follow(from, { started, ...noting() }).start();
      await eventually(() => from.subscribed.length === 1, soon);
      from.interrupt();
      await eventually(() => from.subscribed.length === 2, soon);
    }
    await follow(filled, { started, ...noting() }, { after: 'start' }).start();
    await eventually(() => filled.subscribed.length === 3, soon);
    expect(heads).toEqual([undefined, first]);
    expect(empty.subscribed.map(({ after }) => after)).toEqual(['start', 'start']);
    expect(filled.subscribed.map(({ after }) => after)).toEqual([first, first, 'start']);
    expect(filled.subscribed.map(({ categories }) => categories)).toEqual(Array(3).fill(['seat']));
  });
});

describe('the pauses of a live subscription', () => {
  /** Its pauses, ms; they pass at once. */
  const pauses: number[] = [];
  const { setTimeout: pause } = timers;
  beforeEach(() => {
    pauses.length = 0;
    jest.spyOn(timers, 'setTimeout').mockImplementation((ms, value, options) => {
      // The other pauses are those of the test.
      if (options?.signal === undefined) return pause(ms, value, options);
      pauses.push(ms ?? 0);
      return nextTurn(value);
    });
  });
  afterEach(() => jest.restoreAllMocks());

  const followWithUsualPauses = (from: FragileStore, subscriber: LiveSubscriber, log = new RecordedLog()) => {
    const settings = { name: 'test', categories: ['seat'], log };
    const subscription = new LiveSubscription(from, settings, subscriber);
    running.push(subscription);
    return subscription;
  };

  it('double from 0.1 s to 5 s while the store is away, and are short again once a batch was handled', async () => {
    const from = store();
    from.headFailures = 8;
    const { seen, take } = noting();
    void followWithUsualPauses(from, { take }).start();
    await eventually(() => from.subscribed.length === 1, soon);
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    from.interrupt();
    await eventually(() => from.subscribed.length === 2, soon);
    expect(pauses.slice(8)).toEqual([5_000]);
    await changeSeat(from, 'A-1', 'held');
    await eventually(() => seen.length === 1, soon);
    from.interrupt();
    await eventually(() => from.subscribed.length === 3, soon);
    expect(pauses.slice(9)).toEqual([100]);
  });

  it('grow while one batch cannot be handled', async () => {
    const from = store();
    const log = new RecordedLog();
    let failures = 4;
    const handled: Position[] = [];
    const taken = async ({ position }: Pick<SubscriptionBatch, 'position'>) => {
      await nextTurn();
      if (failures-- > 0) throw new Error('not now');
      handled.push(position);
    };
    const subscription = followWithUsualPauses(from, { ...noting(), taken }, log);
    await subscription.start();
    const position = await changeSeat(from, 'A-1', 'held');
    await eventually(() => handled.length === 1, soon);
    expect([handled, pauses, subscription.restarts]).toEqual([[position], [100, 200, 400, 800], 4]);
    expect(log.lines).toMatchObject([
      { level: 'warn', details: { err: { message: 'not now' }, retryInMs: 100 } },
      { level: 'info', message: 'events are followed again' },
    ]);
  });

  it('are made, and a failure is reported, when a subscription ends without an error', async () => {
    const from = store();
    const log = new RecordedLog();
    const subscription = followWithUsualPauses(from, noting(), log);
    await subscription.start();
    for (let ends = 1; ends <= 3; ends++) {
      await eventually(() => from.subscribed.length === ends, soon);
      from.end();
    }
    await eventually(() => from.subscribed.length === 4, soon);
    expect([pauses, subscription.restarts]).toEqual([[100, 200, 400], 3]);
    expect(log.lines).toMatchObject([
      { level: 'warn', details: { err: { message: 'the subscription ended' } } },
    ]);
  });
});
