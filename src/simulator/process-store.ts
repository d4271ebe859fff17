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
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
  WrongExpectedRevision,
} from '../event-store/port.js';
import { asOlderBuild, isOtherInOlderBuild } from './older-build.js';
import { ProcessSubscription } from './process-subscription.js';
import { type Life, theWorld } from './scheduler.js';
import type { SimulatedLog } from './simulated-log.js';
import type { World } from './world.js';

/** How long a process waits for an append before its outcome counts as unknown, ms. */
const appendTimeoutMs = 2_000;

export interface ProcessStoreOptions {
  readonly name: string;
  readonly life: Life;
  /** The log lies in the process: what is on its way there dies with it. */
  readonly isEmbedded: boolean;
  readonly die: () => void;
}

/** The log as one process reaches it: over a way that delays, loses and repeats. */
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
        () => undefined, // nobody waits for it any more
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

  async close(): Promise<void> {} // the log is shared: no process closes it

  /** The append reaches the log after a while. */
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

  /** What came of an append, told to the process after a while. */
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
    // Most reads are quick; waiting for each would cost more than it shows.
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
