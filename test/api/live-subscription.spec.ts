import { Logger } from '@nestjs/common';
import { LiveSubscription } from '../../src/api/live/live-subscription.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type {
  Position,
  SubscribeOptions,
  Subscription,
  SubscriptionBatch,
} from '../../src/event-store/port.js';
import { eventually } from '../services/wait-until.js';
import { changeSeat } from './stream-client.js';

/** A store whose subscriptions can be broken. */
class FragileStore extends InMemoryEventStore {
  headFailures = 0;
  subscribed: SubscribeOptions[] = [];
  #break: (error: Error) => void = () => undefined;

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
    const broken = new Promise<void>((_, reject) => {
      this.#break = (error) => void inner.stop().then(() => reject(error));
    });
    return { stop: () => inner.stop(), done: Promise.race([inner.done.then(() => broken), broken]) };
  }

  interrupt(): void {
    this.#break(new Error('connection lost'));
  }
}

beforeAll(() => Logger.overrideLogger(false));

it('follows from now on, and takes up where it was after an interruption', async () => {
  const store = new FragileStore();
  store.headFailures = 1;
  await changeSeat(store, 'A-1', 'held');
  const heads: (Position | undefined)[] = [];
  const seen: number[] = [];
  const subscription = new LiveSubscription(store, ['seat'], {
    started: (head) => heads.push(head),
    follow: (events) => seen.push(...events.map(({ position }) => position)),
  });
  subscription.start();
  await eventually(() => store.subscribed.length === 1);
  expect(heads).toEqual([await store.head()]);
  const second = await changeSeat(store, 'A-2', 'held');
  await eventually(() => seen.length === 1);
  store.interrupt();
  const third = await changeSeat(store, 'A-3', 'held');
  await eventually(() => seen.length === 2);
  expect(seen).toEqual([second, third]);
  store.interrupt();
  await subscription.stop();
});
