import type { EventStore, Position } from '../../event-store/port.js';
import type { Category } from '../../events/registry.js';
import { eventsOf } from './log-pass.js';
import { HistoryUnavailable } from './port.js';
import { type StoredEvent, toStored } from './stored-event.js';
import type { Timeline } from './timeline.js';

/** What makes the timelines of one kind. */
export interface TimelineKind<T extends Timeline> {
  /** Where their events are. */
  readonly categories: readonly Category[];
  create(): T;
  /** Adds an event, if it is one of this date or queue. */
  record(timeline: T, key: string, event: StoredEvent): void;
}

export interface TimelineLimits {
  /** Memory for all timelines of this kind; the least recently used go first. */
  readonly maxBytes: number;
  /** Timelines built from the beginning at the same time. */
  readonly maxBuilds: number;
  /** How long a request waits for a timeline; building goes on meanwhile. */
  readonly waitMs: number;
}

interface Entry<T> {
  readonly timeline: T;
  /** Everything up to here is in it. */
  readUpTo: Position;
  /** False until it has reached the end of the log for the first time. */
  isBuilt: boolean;
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

/**
 * Timelines shared by all requests: each is built by one pass over its categories and then read on whenever it is
 * asked for. A build that fails goes on from where it was.
 */
export class Timelines<T extends Timeline> {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(
    private readonly store: EventStore,
    private readonly kind: TimelineKind<T>,
    private readonly limits: TimelineLimits,
  ) {}

  /** Memory taken, for the benchmark. */
  get bytes(): number {
    let bytes = 0;
    for (const { timeline } of this.#entries.values()) bytes += timeline.bytes;
    return bytes;
  }

  /**
   * The timeline with everything the log holds at the time of asking.
   * @param since position of an event before the first it can have: the pass begins there.
   * @throws {HistoryUnavailable} when it takes too long, or too many others are being built.
   */
  async get(key: string, since: Position): Promise<T> {
    const entry = this.#entries.get(key) ?? this.#begin(since);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    await this.#withinWait(this.#readOn(key, entry));
    return entry.timeline;
  }

  #begin(since: Position): Entry<T> {
    const isBuilding = ({ isBuilt, running, next }: Entry<T>) => !isBuilt && (running ?? next) !== undefined;
    const builds = [...this.#entries.values()].filter(isBuilding);
    if (builds.length >= this.limits.maxBuilds) throw new HistoryUnavailable('too-many-builds');
    return {
      timeline: this.kind.create(),
      readUpTo: since,
      isBuilt: false,
      running: undefined,
      next: undefined,
    };
  }

  /** Who asks while a pass runs needs what was written since it began: one more pass serves all of those. */
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
    // Those who waited for it hear of its failure; the next pass is a new attempt.
    await running?.catch(() => undefined);
    return start();
  }

  async #pass(key: string, entry: Entry<T>): Promise<void> {
    const head = await this.store.head();
    if (head !== undefined && head > entry.readUpTo) {
      for await (const batch of eventsOf(this.store, this.kind.categories, entry.readUpTo, head)) {
        for (const recorded of batch) this.kind.record(entry.timeline, key, toStored(recorded));
        entry.readUpTo = batch.at(-1)?.position ?? entry.readUpTo;
        this.#makeRoom(key, entry);
      }
      entry.readUpTo = head;
    }
    entry.isBuilt = true;
  }

  #makeRoom(key: string, { timeline }: Entry<T>): void {
    const { maxBytes } = this.limits;
    if (timeline.bytes > maxBytes) {
      this.#entries.delete(key);
      throw new HistoryUnavailable('too-large');
    }
    let bytes = this.bytes;
    for (const [otherKey, other] of this.#entries) {
      if (bytes <= maxBytes) return;
      if (otherKey === key) continue;
      this.#entries.delete(otherKey);
      bytes -= other.timeline.bytes;
    }
  }

  async #withinWait(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, refuse) => {
      timer = setTimeout(() => refuse(new HistoryUnavailable('building')), this.limits.waitMs);
    });
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      // Nobody may be left to hear of a failure after the wait.
      work.catch(() => undefined);
    }
  }
}
