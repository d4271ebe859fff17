import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventStore, Position, RecordedEvent } from '../../event-store/port.js';
import { toInstant } from '../../events/ids.js';
import type { Category } from '../../events/registry.js';
import { TimedOut, within } from '../../platform/within.js';
import { type LogPosition, type StoredEvent, toStored } from './past-events.js';
import { HistoryUnavailable, type Moment } from './port.js';

/** What an index keeps of one event: numbers, whose meaning depends on the kind of index. */
interface IndexedEvent extends LogPosition {
  /** 0 … 255. */
  readonly kind: number;
  /** What the event is about: mostly a number from {@link EventIndex.numberOf}. */
  readonly subject: number;
  readonly detail: number;
}

const firstCapacity = 256;
const bytesPerEvent = 8 + 8 + 8 + 4 + 1;
/** An estimate: a text of up to 36 characters in a Map. */
const bytesPerName = 120;

/**
 * Events of one date or one queue in log order, as columns of numbers: a hundred thousand take three megabytes, and
 * folding them takes less time than serialising the reply.
 */
export class EventIndex {
  length = 0;
  kinds = new Uint8Array(firstCapacity);
  subjects = new Uint32Array(firstCapacity);
  details = new Float64Array(firstCapacity);
  #positions = new Float64Array(firstCapacity);
  /** Never decreases: an event of a process whose clock is behind gets the time of the one before. */
  #atMs = new Float64Array(firstCapacity);
  readonly #numbers = new Map<string, number>();

  /** Memory it uses. */
  get bytes(): number {
    return this.kinds.length * bytesPerEvent + this.#numbers.size * bytesPerName;
  }

  /** How many names have a number. */
  get names(): number {
    return this.#numbers.size;
  }

  add({ position, at, kind, subject, detail }: IndexedEvent): void {
    if (this.length === this.kinds.length) this.#grow();
    const n = this.length++;
    this.#positions[n] = position;
    this.#atMs[n] = Math.max(Date.parse(at), this.#atMs[n - 1] ?? 0);
    this.kinds[n] = kind;
    this.subjects[n] = subject;
    this.details[n] = detail;
  }

  /** The number of a name, assigned at its first use. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** The number of a name; undefined if it was never used. */
  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** How many events the index has as of a moment (binary search). */
  countAt(moment: Moment): number {
    const [column, limit] =
      moment.kind === 'time'
        ? [this.#atMs, Date.parse(moment.at)]
        : [this.#positions, Number(moment.position)];
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((column[middle] ?? 0) <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The position of event `n`; undefined when there is none. */
  positionOf(n: number): LogPosition | undefined {
    const position = this.#positions[n];
    const atMs = this.#atMs[n];
    if (n >= this.length || position === undefined || atMs === undefined) return undefined;
    return { position: position as Position, at: toInstant(atMs) }; // add() took it from an event
  }

  /** The position of the last event as of a moment; undefined when there is none. */
  lastPosition(moment: Moment): LogPosition | undefined {
    const count = this.countAt(moment);
    return count === 0 ? undefined : this.positionOf(count - 1);
  }

  #grow(): void {
    const capacity = this.kinds.length * 2;
    this.kinds = copied(this.kinds, new Uint8Array(capacity));
    this.subjects = copied(this.subjects, new Uint32Array(capacity));
    this.details = copied(this.details, new Float64Array(capacity));
    this.#positions = copied(this.#positions, new Float64Array(capacity));
    this.#atMs = copied(this.#atMs, new Float64Array(capacity));
  }
}

function copied<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/** What makes the timelines of one kind. */
export interface IndexKind<T extends EventIndex> {
  /** The categories that have the events. */
  readonly categories: readonly Category[];
  create(): T;
  /** Adds an event, if it belongs to this date or queue. */
  record(index: T, key: string, event: StoredEvent): void;
}

export interface IndexLimits {
  /** Memory for all timelines of this kind; the least recently used go first. */
  readonly maxBytes: number;
  /** EventIndexes built from the beginning at the same time. */
  readonly maxBuilds: number;
  /** How long a request waits for an index; building goes on meanwhile. */
  readonly waitMs: number;
}

interface Entry<T> {
  readonly index: T;
  /** Everything up to this position is in the index. */
  readUpTo: Position;
  /** False until the index has reached the end of the log once. */
  isBuilt: boolean;
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

/**
 * EventIndexes shared by all requests: each is built by one pass over its categories and then read on whenever it is
 * asked for. A build that fails goes on from where it was.
 */
export class EventIndexes<T extends EventIndex> {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(
    private readonly store: EventStore,
    private readonly kind: IndexKind<T>,
    private readonly limits: IndexLimits,
  ) {}

  /** Memory used. */
  get bytes(): number {
    let bytes = 0;
    for (const { index } of this.#entries.values()) bytes += index.bytes;
    return bytes;
  }

  /**
   * The index with everything the log holds at the time of asking.
   * @param since position of an event before the first it can have: the pass begins there.
   * @throws {HistoryUnavailable} when it takes too long, or too many others are being built.
   */
  async get(key: string, since: Position): Promise<T> {
    const entry = this.#entries.get(key) ?? this.#begin(since);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    await this.#withinWait(this.#readOn(key, entry));
    return entry.index;
  }

  #begin(since: Position): Entry<T> {
    const isBuilding = ({ isBuilt, running, next }: Entry<T>) => !isBuilt && (running ?? next) !== undefined;
    const builds = [...this.#entries.values()].filter(isBuilding);
    if (builds.length >= this.limits.maxBuilds) throw new HistoryUnavailable('too-many-builds');
    return {
      index: this.kind.create(),
      readUpTo: since,
      isBuilt: false,
      running: undefined,
      next: undefined,
    };
  }

  /** A request during a pass needs events written since the pass began: one more pass serves all such requests. */
  #readOn(key: string, entry: Entry<T>): Promise<void> {
    entry.next ??= this.#after(entry.running, () => {
      entry.next = undefined;
      entry.running = this.#pass(key, entry).finally(() => {
        entry.running = undefined;
      });
      return entry.running;
    });
    return entry.next;
  }

  async #after(running: Promise<void> | undefined, start: () => Promise<void>): Promise<void> {
    // Requests that waited for it get its error; the next pass is a new attempt.
    await running?.catch(() => undefined);
    return start();
  }

  async #pass(key: string, entry: Entry<T>): Promise<void> {
    const head = await this.store.head();
    if (head !== undefined && head > entry.readUpTo) {
      for await (const batch of eventsOf(this.store, this.kind.categories, entry.readUpTo, head)) {
        for (const recorded of batch) this.kind.record(entry.index, key, toStored(recorded));
        entry.readUpTo = batch.at(-1)?.position ?? entry.readUpTo;
        this.#makeRoom(key, entry);
      }
      entry.readUpTo = head;
    }
    entry.isBuilt = true;
  }

  #makeRoom(key: string, { index }: Entry<T>): void {
    const { maxBytes } = this.limits;
    if (index.bytes > maxBytes) {
      this.#entries.delete(key);
      throw new HistoryUnavailable('too-large');
    }
    let bytes = this.bytes;
    for (const [otherKey, other] of this.#entries) {
      if (bytes <= maxBytes) return;
      if (otherKey === key) continue;
      this.#entries.delete(otherKey);
      bytes -= other.index.bytes;
    }
  }

  async #withinWait(work: Promise<void>): Promise<void> {
    try {
      await within(this.limits.waitMs, 'building the index', work);
    } catch (error) {
      throw error instanceof TimedOut ? new HistoryUnavailable('building') : error;
    }
  }
}

/** Events read at once: few enough that parsing them does not delay other requests. */
const pageSize = 256;
/** While other work waits it gets this many times the time that reading takes. */
const othersShare = 9;
/** A turn of the event loop that takes longer, ms, did other work. */
const idleTurnMs = 0.5;

/**
 * The events of some categories after one position up to another, in log order, batch by batch. Other work runs
 * between batches.
 * @param after exclusive. @param until inclusive: a position the log had reached, so that nothing before it can
 *   still appear.
 */
export async function* eventsOf(
  store: EventStore,
  categories: readonly Category[],
  after: Position,
  until: Position,
): AsyncGenerator<readonly RecordedEvent[]> {
  const sources = categories.map((category) => new CategorySource(store, category, after, until));
  for (;;) {
    const beganAtMs = performance.now();
    for (const source of sources) await source.fill();
    // Up to the end of the shortest page, all categories are complete.
    const complete = Math.min(...sources.map((source) => source.readUpTo));
    const batch = sources.flatMap((source) => source.takeUpTo(complete));
    if (batch.length > 0) yield batch.sort((a, b) => a.position - b.position);
    if (complete === Number.POSITIVE_INFINITY) return;
    await letOthersWork(performance.now() - beganAtMs);
  }
}

/**
 * Lets requests have their turn after a piece of work: until none waits, or until they have had several times as long. Else
 * whoever asks for one past after another would take half of a busy process.
 */
async function letOthersWork(tookMs: number): Promise<void> {
  const sinceMs = performance.now();
  let turnMs: number;
  do {
    const turnAtMs = performance.now();
    await nextTurn();
    turnMs = performance.now() - turnAtMs;
  } while (turnMs > idleTurnMs && performance.now() - sinceMs < tookMs * othersShare);
}

class CategorySource {
  #page: readonly RecordedEvent[] = [];
  #last: Position;
  #isDone = false;

  constructor(
    private readonly store: EventStore,
    private readonly category: Category,
    after: Position,
    private readonly until: Position,
  ) {
    this.#last = after;
  }

  /** The position up to which everything was read. */
  get readUpTo(): number {
    return this.#isDone ? Number.POSITIVE_INFINITY : this.#last;
  }

  /** Reads the next page once the one before is used up. */
  async fill(): Promise<void> {
    if (this.#isDone || this.#page.length > 0) return;
    const page = await this.store.readCategory(this.category, { from: this.#last, limit: pageSize });
    const last = page.at(-1);
    // A read begins with the event at its position, which the page before had already.
    const fresh = page.filter(({ position }) => position > this.#last && position <= this.until);
    this.#isDone = page.length < pageSize || last === undefined || last.position >= this.until;
    this.#last = last?.position ?? this.#last;
    this.#page = fresh;
  }

  takeUpTo(position: number): readonly RecordedEvent[] {
    const end = this.#page.findIndex((event) => event.position > position);
    const taken = end === -1 ? this.#page : this.#page.slice(0, end);
    this.#page = end === -1 ? [] : this.#page.slice(end);
    return taken;
  }
}
