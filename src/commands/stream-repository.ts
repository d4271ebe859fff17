import { LRUCache } from 'lru-cache';
import type { Decider } from '../domain/decider.js';
import { type EventStore, maxReadCount, type Position, type Revision } from '../event-store/port.js';
import { type DomainEvent, decodeEvent } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';

/** A stream's state and where it was read. */
export interface Loaded<State> {
  readonly state: State;
  /** Last revision folded into the state; undefined for a stream without events. */
  readonly revision: Revision | undefined;
  readonly position: Position | undefined;
}

interface CachedState extends Loaded<unknown> {
  readonly readAtMs: number;
}

type Fold<State, Event> = Pick<Decider<State, never, Event>, 'initial' | 'evolve'>;

/** Events read at once when going back from the end of a stream: what is looked for is usually close. */
const backwardsPage = 64;
/** Doubtful streams told apart; with more of them every stream counts as doubtful. */
const maxDoubtful = 10_000;
/** Streams whose state is kept, unless told otherwise. */
const defaultMaxCachedStreams = 50_000;

/** States of streams, folded from the store and kept, so that only what is new has to be read. */
export class StreamStates {
  readonly #cache: LRUCache<string, CachedState>;
  /** Streams to which an append may or may not have been written. */
  readonly #doubtful = new Set<string>();

  /**
   * @param isOnlyWriter nobody else appends to this store while this lives (an embedded log): what it
   * has cached is then what the store holds, and nothing has to be read twice. Several processes: false.
   * @param maxCachedStreams streams whose state is kept; the least recently used go first.
   */
  constructor(
    protected readonly store: EventStore,
    protected readonly clock: Clock,
    private readonly isOnlyWriter = false,
    maxCachedStreams = defaultMaxCachedStreams,
  ) {
    this.#cache = new LRUCache({ max: maxCachedStreams });
  }

  /**
   * The state of a stream, reading only what was appended since it was last read.
   * @param options.maxAgeMs accept a state read at most this long ago without asking the store; default 0.
   */
  async load<State, Event extends DomainEvent>(
    fold: Fold<State, Event>,
    stream: StreamName,
    options: { readonly maxAgeMs?: number } = {},
  ): Promise<Loaded<State>> {
    const cached = this.#cache.get(stream);
    if (!cached) return this.read(fold, stream);
    const isCurrent = this.isKnown(stream) || this.#isYoung(cached, options.maxAgeMs);
    // A stream is always folded by the same decider, so what was cached under its name has its state type.
    return isCurrent ? (cached as Loaded<State>) : this.read(fold, stream);
  }

  /** A clock that was set back tells no age, so the state counts as old. */
  #isYoung({ readAtMs }: CachedState, maxAgeMs: number | undefined): boolean {
    const ageMs = this.clock.nowMs() - readAtMs;
    return maxAgeMs !== undefined && ageMs >= 0 && ageMs <= maxAgeMs;
  }

  /**
   * The state as far as it is known at no cost, to turn away early what plainly can't succeed. Where nobody else
   * writes, a stream this process has not met counts as new; otherwise the store is asked.
   */
  async presume<State, Event extends DomainEvent>(
    fold: Fold<State, Event>,
    stream: StreamName,
  ): Promise<State> {
    if (this.isKnown(stream)) return this.cached<State>(stream)?.state ?? fold.initial;
    return (await this.read(fold, stream)).state;
  }

  /** Reads what was appended since the stream was last read. */
  protected async read<State, Event extends DomainEvent>(
    fold: Fold<State, Event>,
    stream: StreamName,
  ): Promise<Loaded<State>> {
    const cached = this.cached<State>(stream);
    let loaded: Loaded<State> = cached ?? newStream(fold.initial);
    for (;;) {
      const from = loaded.revision === undefined ? 0 : loaded.revision + 1;
      const page = await this.store.readStream(stream, { from, limit: maxReadCount });
      for (const recorded of page) {
        const event = decodeEvent(recorded) as Event; // the stream's category holds only this decider's events
        loaded = {
          state: fold.evolve(loaded.state, event),
          revision: recorded.revision,
          position: recorded.position,
        };
      }
      if (page.length < maxReadCount) break;
    }
    this.remember(stream, loaded);
    return loaded;
  }

  /** How many events a stream has. */
  async eventCount(stream: StreamName): Promise<number> {
    const [last] = await this.store.readStream(stream, { from: 'end', direction: 'backwards', limit: 1 });
    return last ? last.revision + 1 : 0;
  }

  /** The events of a stream between a position and a revision, both exclusive, newest first. */
  async *eventsBetween(
    stream: StreamName,
    after: Position,
    before: Revision,
  ): AsyncGenerator<{ readonly event: DomainEvent; readonly revision: Revision }> {
    for (let from = before - 1; from >= 0; from -= backwardsPage) {
      const page = await this.store.readStream(stream, {
        from,
        direction: 'backwards',
        limit: backwardsPage,
      });
      for (const recorded of page) {
        if (recorded.position <= after) return;
        yield { event: decodeEvent(recorded), revision: recorded.revision };
      }
    }
  }

  /** Whether what is cached of the stream is what the store holds; a stream that is not cached is then new or forgotten. */
  protected isKnown(stream: StreamName): boolean {
    return this.isOnlyWriter && !this.#doubtful.has(stream) && this.#doubtful.size < maxDoubtful;
  }

  /** An append whose outcome is unknown: it may have been written, or may still be. */
  protected doubt(stream: StreamName): void {
    if (this.isOnlyWriter && this.#doubtful.size < maxDoubtful) this.#doubtful.add(stream);
  }

  protected cached<State>(stream: StreamName): Loaded<State> | undefined {
    return this.#cache.get(stream) as Loaded<State> | undefined; // see load(): one decider per stream
  }

  protected remember(stream: StreamName, loaded: Loaded<unknown>): void {
    const cached = this.#cache.get(stream);
    // A slower reader must not put back what it read before a faster writer.
    if (cached?.revision !== undefined && cached.revision > (loaded.revision ?? -1)) return;
    this.#cache.set(stream, { ...loaded, readAtMs: this.clock.nowMs() });
  }
}

/** A stream without events. */
export function newStream<State>(state: State): Loaded<State> {
  return { state, revision: undefined, position: undefined };
}
