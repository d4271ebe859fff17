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

/** A store whose subscriptions can be broken. */
class FragileStore extends InMemoryEventStore {
  headFailures = 0;
  subscribed: SubscribeOptions[] = [];
  #break: (error?: Error) => void = () => undefined;

  override async head(): Promise<Position | undefined> {
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
    const done = inner.done.then(() => {
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
    await eventually(() => log.subscribed.length === 1);
    expect(heads).toEqual([await log.head()]);
    const second = await changeSeat(log, 'A-2', 'held');
    await eventually(() => seen.length === 1);
    log.interrupt();
    const third = await changeSeat(log, 'A-3', 'held');
    await eventually(() => seen.length === 2);
    expect(seen).toEqual([second, third]);
    log.interrupt();
    await subscription.stop();
  });

  it('loses nothing that is appended between its start and its first batch, however often it is interrupted', async () => {
    const log = store();
    const { seen, take } = noting();
    const subscription = follow(log, { take });
    await subscription.start();
    await eventually(() => log.subscribed.length === 1);
    const appended: Position[] = [];
    for (let round = 0; round < 5; round++) {
      log.interrupt();
      appended.push(await changeSeat(log, `A-${round}`, 'held'));
      await eventually(() => log.subscribed.length === round + 2);
    }
    await eventually(() => seen.length === 5);
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
    await eventually(() => log.lines.length === 2);
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
    await eventually(() => seen.length === 2);
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
    await eventually(() => handled.length === 1);
    expect([seen, handled]).toEqual([[first, first, first], [first]]);
  });

  it('subscribes again also when its subscription ends without an error, and stops when it is told to', async () => {
    const from = store();
    const { seen, take } = noting();
    const subscription = follow(from, { take });
    await subscription.start();
    await eventually(() => from.subscribed.length === 1);
    from.end();
    await eventually(() => from.subscribed.length === 2);
    await changeSeat(from, 'A-1', 'held');
    await eventually(() => seen.length === 1);
    await subscription.stop();
    await changeSeat(from, 'A-2', 'held');
    expect([seen.length, from.subscribed.length]).toEqual([1, 2]);
  });

  it('stops while the store is away', async () => {
    const from = store();
    from.headFailures = Number.POSITIVE_INFINITY;
    const subscription = follow(from, noting());
    const started = subscription.start();
    await eventually(() => subscription.restarts > 0);
    await subscription.stop();
    await started;
  });
});
