import { appendOneByOne } from '../../src/event-store/append.js';
import type {
  AppendResult,
  EventStore,
  ExpectedRevision,
  NewEvent,
  Position,
  ReadOptions,
  RecordedEvent,
  Revision,
  StreamAppend,
  SubscribeOptions,
  Subscription,
  SubscriptionBatch,
} from '../../src/event-store/port.js';
import { StoreUnavailable } from '../../src/event-store/port.js';

/** What happens around append number `index` (0, 1, … in the order they were asked for). */
export interface AppendHooks {
  before?(index: number, stream: string): Promise<void> | void;
  after?(index: number, stream: string): Promise<void> | void;
}

/** A store that passes everything on, and lets a test step in before and after each append. */
export class HookedStore implements EventStore {
  appends = 0;

  constructor(
    private readonly inner: EventStore,
    private readonly hooks: AppendHooks,
  ) {}

  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    const index = this.appends++;
    await this.hooks.before?.(index, stream);
    const result = await this.inner.append(stream, expected, events);
    await this.hooks.after?.(index, stream);
    return result;
  }

  appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    return appendOneByOne(this, appends);
  }

  readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.inner.readStream(stream, options);
  }

  readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.inner.readCategory(category, options);
  }

  readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.inner.readAll(options);
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    return this.inner.subscribe(options, handler);
  }

  head(): Promise<Position | undefined> {
    return this.inner.head();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** `before`: the event was never written. `after`: it was, but the process never learned so. */
export type CrashSide = 'before' | 'after';

/** A process that dies at its `crashAt`-th append: that one and all later ones fail. */
export function crashingStore(inner: EventStore, crashAt: number, side: CrashSide) {
  const died = { yet: false };
  const dieIfDead = () => {
    if (died.yet) throw new StoreUnavailable('the process died here');
  };
  const dieAt = (index: number) => {
    died.yet ||= index === crashAt;
    dieIfDead();
  };
  const hooks = side === 'before' ? { before: dieAt } : { before: dieIfDead, after: dieAt };
  return { store: new HookedStore(inner, hooks), hasDied: () => died.yet };
}

/** Whether the work ended because its process died; any other error is passed on. */
export async function died(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof StoreUnavailable) return true;
    throw error;
  }
}

/** A point where work waits until a test opens it. */
export class Gate {
  readonly #arrived: Promise<'paused'>;
  readonly #opened: Promise<void>;
  #arrive = (_: 'paused') => {};
  /** Lets everyone through from now on. */
  open = () => {};

  constructor() {
    this.#arrived = new Promise((resolve) => {
      this.#arrive = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  /** Called by the work that is to wait. */
  pass(): Promise<void> {
    this.#arrive('paused');
    return this.#opened;
  }

  /** Settles when somebody stands at the gate. */
  get paused(): Promise<'paused'> {
    return this.#arrived;
  }
}

/** A process that stops before or after its `pauseAt`-th append until it is let go on. */
export function pausingStore(inner: EventStore, pauseAt: number, side: CrashSide) {
  const gate = new Gate();
  const wait = (index: number) => (index === pauseAt ? gate.pass() : undefined);
  return { store: new HookedStore(inner, { [side]: wait }), paused: gate.paused, goOn: gate.open };
}

/** A process that stops before its first append to a stream of this name until it is let go on. */
export function pausingAppends(inner: EventStore, prefix: string) {
  const gate = new Gate();
  const before = (_: number, stream: string) => (stream.startsWith(prefix) ? gate.pass() : undefined);
  return { store: new HookedStore(inner, { before }), paused: gate.paused, goOn: gate.open };
}

/** A process that stops before its first read of a stream of this name until it is let go on. */
export function pausingReads(inner: EventStore, prefix: string) {
  const gate = new Gate();
  const store = new HookedStore(inner, {});
  const readStream: EventStore['readStream'] = async (name, options) => {
    if (name.startsWith(prefix)) await gate.pass();
    return inner.readStream(name, options);
  };
  return { store: Object.assign(store, { readStream }), paused: gate.paused, goOn: gate.open };
}

/** Crashes tried before a scenario counts as endless. */
const maxCrashes = 100;

/**
 * Runs a scenario once for every append it makes, dying before and after each, until it gets through.
 * @param attempt builds its own world, runs the work on the given kind of store, and resumes and checks what
 * is left. It returns whether the work died: when it did not, every append has been tried.
 * @returns how many crashes were tried.
 */
export async function atEveryAppend(
  attempt: (crashAt: number, side: CrashSide) => Promise<boolean>,
): Promise<number> {
  let crashes = 0;
  for (const side of ['before', 'after'] as const) {
    let crashAt = 0;
    while (await attempt(crashAt, side)) {
      crashAt++;
      crashes++;
      if (crashAt > maxCrashes) throw new Error('the scenario never gets through');
    }
  }
  return crashes;
}
