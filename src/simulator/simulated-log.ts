import { appendOneByOne } from '../event-store/append.js';
import { InMemoryEventStore } from '../event-store/in-memory-event-store.js';
import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  type StreamAppend,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
  WrongExpectedRevision,
} from '../event-store/port.js';
import type { EventMetadata } from '../events/event.js';
import { categoryOf } from '../events/streams.js';
import { type Life, theWorld } from './scheduler.js';
import type { World } from './world.js';

/** The durable log that all processes share. It never fails; the connections to it do. */
export class SimulatedLog {
  readonly store: InMemoryEventStore;
  /** Everything written, in log order. */
  readonly events: RecordedEvent[] = [];
  /** Called after each append with the events written. */
  readonly #listeners = new Set<(written: readonly RecordedEvent[]) => void>();

  constructor(private readonly world: World) {
    this.store = new InMemoryEventStore({ nowMs: () => world.scheduler.nowMs });
  }

  onWritten(listener: (written: readonly RecordedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws {WrongExpectedRevision} */
  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    const result = await this.store.append(stream, expected, events);
    if (result.replayed) this.world.saw('append recognised as a retry');
    else await this.#publish();
    return result;
  }

  /** Position of the newest event; 0 in an empty log. */
  get head(): number {
    return this.events.length;
  }

  async #publish(): Promise<void> {
    // Positions of the store in memory are 1, 2, 3, …
    const written = await this.store.readAll({ from: (this.head + 1) as Position });
    this.events.push(...written);
    for (const { position, stream, revision, type, id, data } of written) {
      this.world.mark(`${position} ${id}`);
      this.world.trace(() => `log ${position}: ${type} ${stream}@${revision} ${JSON.stringify(data)}`);
    }
    for (const listener of this.#listeners) listener(written);
  }
}

/** How long a process waits for an append; after that its outcome is unknown, ms. */
const appendTimeoutMs = 2_000;

interface ProcessStoreOptions {
  readonly name: string;
  readonly life: Life;
  /** The log is embedded: appends under way die with the process. */
  readonly isEmbedded: boolean;
  readonly die: () => void;
}

/** One process's connection to the log: delays, loses and repeats appends. */
export class ProcessStore implements EventStore {
  constructor(
    private readonly world: World,
    private readonly log: SimulatedLog,
    private readonly options: ProcessStoreOptions,
  ) {}

  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    const { world } = this;
    const where = `${this.options.name} ${stream}`;
    const isOld = events.some(isOtherInOlderBuild) && world.strikes('old-schema', 0.2, where);
    const written = isOld ? events.map(asOlderBuild) : events;
    if (world.strikes('append-crash', 0.003, where)) this.#dieWithin(10);
    if (world.strikes('append-lost', 0.01, where)) return this.#timeOut();
    if (world.strikes('append-late', 0.01, where)) {
      this.#arrive(appendTimeoutMs + world.latency.between(0, 8_000), stream, expected, written).catch(
        () => undefined, // the caller has timed out
      );
      return this.#timeOut();
    }
    if (world.strikes('append-doubled', 0.01, where)) {
      this.#arrive(world.delayMs(), stream, expected, written).catch(() => undefined);
    }
    const arrived = this.#arrive(world.delayMs(), stream, expected, written);
    if (world.strikes('append-reply-lost', 0.01, where)) {
      arrived.catch(() => undefined);
      return this.#timeOut();
    }
    return this.#reply(arrived);
  }

  appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    return appendOneByOne(this, appends);
  }

  readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.#read(() => this.log.store.readStream(stream, options));
  }

  readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#read(() => this.log.store.readCategory(category, options));
  }

  readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#read(() => this.log.store.readAll(options));
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    return new ProcessSubscription(this.world, this.log, this.options, options, handler);
  }

  head(): Promise<Position | undefined> {
    return this.#read(() => this.log.store.head());
  }

  async close(): Promise<void> {} // the log is shared

  /** The append reaches the log after a delay. */
  #arrive(
    delayMs: number,
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    const { world, options } = this;
    // Spurious: as after a retry inside a client library, or a leader that changed.
    const isRefused =
      expected !== 'any' && world.strikes('append-conflict', 0.01, `${options.name} ${stream}`);
    return new Promise((resolve, reject) => {
      const write = () => {
        if (isRefused) reject(new WrongExpectedRevision(stream, expected, undefined));
        else this.log.append(stream, expected, events).then(resolve, reject);
      };
      world.scheduler.after(delayMs, write, options.isEmbedded ? options.life : theWorld);
    });
  }

  /** Passes an append's outcome to the process after a delay. */
  #reply(arrived: Promise<AppendResult>): Promise<AppendResult> {
    const { world, options } = this;
    return new Promise((resolve, reject) => {
      const delayMs = world.delayMs();
      arrived.then(
        (result) => world.scheduler.after(delayMs, () => resolve(result), options.life),
        (error: unknown) => world.scheduler.after(delayMs, () => reject(error), options.life),
      );
    });
  }

  #timeOut(): Promise<never> {
    return this.world.later(this.options.life, appendTimeoutMs, () => {
      throw new StoreUnavailable('the append timed out: its outcome is unknown');
    });
  }

  async #read<Result>(read: () => Promise<Result>): Promise<Result> {
    const { world, options } = this;
    const hasFailed = world.strikes('read-failed', 0.002, options.name);
    const result = await read();
    // Most reads take no virtual time: delaying each one would cost more than it tests.
    if (!hasFailed && world.latency.chance(0.6)) {
      if (options.life.isOver) return new Promise(() => undefined);
      return result;
    }
    return world.later(options.life, world.delayMs(), () => {
      if (hasFailed) throw new StoreUnavailable('the log cannot be read now');
      return result;
    });
  }

  #dieWithin(ms: number): void {
    this.world.scheduler.after(this.world.latency.between(0, ms), this.options.die, theWorld);
  }
}

const defaultBatchSize = 512;
/** How far back a repeated delivery goes, events. */
const longestRepeat = 20;

/** A subscription of one process: batches arrive late or twice, or the subscription ends. */
class ProcessSubscription implements Subscription {
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
    // Without this, a subscription whose `done` is not awaited would be an unhandled rejection.
    this.done.catch(() => undefined);
    this.#forget = log.onWritten(() => this.#expect());
    this.#expect();
  }

  async stop(): Promise<void> {
    this.#finish();
    await this.done.catch(() => undefined);
  }

  /** Schedules the next batch when there are new events and none is being handled. */
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

/** Whether the previous build writes such an event in another form; see events/registry.ts. */
function isOtherInOlderBuild({ type }: NewEvent): boolean {
  return type === 'ChargeRequested';
}

/** The event in the form of the previous build. */
function asOlderBuild(event: NewEvent): NewEvent {
  if (!isOtherInOlderBuild(event)) return event;
  // encodeEvent made both: an object of this event's fields, and metadata.
  const {
    paymentMethod,
    payment: _,
    ...rest
  } = event.data as {
    readonly paymentMethod: string;
    readonly payment: unknown;
  };
  const metadata = event.metadata as EventMetadata;
  return { ...event, data: { ...rest, card: paymentMethod }, metadata: { ...metadata, schemaVersion: 1 } };
}
