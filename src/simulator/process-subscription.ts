import {
  type Position,
  type RecordedEvent,
  StoreUnavailable,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../event-store/port.js';
import { categoryOf } from '../events/streams.js';
import type { Life } from './scheduler.js';
import type { SimulatedLog } from './simulated-log.js';
import type { World } from './world.js';

const defaultBatchSize = 512;
/** How far back a repeated delivery goes, events. */
const longestRepeat = 20;

/** A subscription of one process: batches come late, again, or no more. */
export class ProcessSubscription implements Subscription {
  readonly done: Promise<void>;
  #cursor: number;
  #state: 'idle' | 'awaited' | 'handling' | 'ended' = 'idle';
  #end: (error?: Error) => void = () => undefined;
  readonly #forget: () => void;
  readonly #categories: ReadonlySet<string> | undefined;

  constructor(
    private readonly world: World,
    private readonly log: SimulatedLog,
    private readonly process: { readonly name: string; readonly life: Life },
    private readonly options: SubscribeOptions,
    private readonly handler: (batch: SubscriptionBatch) => Promise<void>,
  ) {
    const { after } = options;
    this.#cursor = after === 'start' ? 0 : after === 'end' ? log.head : after;
    this.#categories = options.categories && new Set(options.categories);
    this.done = new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
    // Whoever is interested looks at `done`; nobody has to.
    this.done.catch(() => undefined);
    this.#forget = log.onWritten(() => this.#expect());
    this.#expect();
  }

  async stop(): Promise<void> {
    this.#finish();
    await this.done.catch(() => undefined);
  }

  /** A batch is on its way if there is one to come and none under way. */
  #expect(): void {
    if (this.process.life.isOver) this.#forget();
    if (this.process.life.isOver || this.#state !== 'idle' || this.#cursor >= this.log.head) return;
    this.#state = 'awaited';
    this.world.scheduler.after(this.world.delayMs(), () => this.#deliver(), this.process.life);
  }

  #deliver(): void {
    if (this.#state !== 'awaited') return;
    const { world } = this;
    if (world.strikes('subscription-dropped', 0.005, this.process.name)) {
      this.#finish(new StoreUnavailable('the subscription was dropped'));
      return;
    }
    if (world.strikes('subscription-repeated', 0.01, this.process.name)) {
      this.#cursor = Math.max(0, this.#cursor - world.latency.between(1, longestRepeat));
    }
    const head = this.log.head;
    const events = this.#matching(this.options.batchSize ?? defaultBatchSize);
    const isCut = events.length === (this.options.batchSize ?? defaultBatchSize);
    const position = isCut ? (events.at(-1)?.position ?? head) : head;
    this.#cursor = position;
    this.#state = 'handling';
    // Positions of the log in memory are counted.
    this.handler({ events, position: position as Position, caughtUp: position >= head }).then(
      () => {
        if (this.#state !== 'handling') return;
        this.#state = 'idle';
        this.#expect();
      },
      (error: Error) => this.#finish(error),
    );
  }

  #matching(limit: number): RecordedEvent[] {
    const events: RecordedEvent[] = [];
    for (let index = this.#cursor; index < this.log.head && events.length < limit; index++) {
      const event = this.log.events[index];
      if (event && (!this.#categories || this.#categories.has(categoryOf(event.stream)))) events.push(event);
    }
    return events;
  }

  #finish(error?: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#forget();
    this.#end(error);
  }
}
