import { LRUCache } from 'lru-cache';
import type { Decider } from '../domain/decider.js';
import {
  type AppendResult,
  type EventStore,
  EventTooLarge,
  maxReadCount,
  type NewEvent,
  type Position,
  type Revision,
  StoreBusy,
  WrongExpectedRevision,
} from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import { type DomainEvent, decodeEvent, encodeEvent } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import { deriveId } from '../platform/derive-id.js';
import type { CommandContext } from './command-context.js';

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

type Fold<State, Event> = Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>;

/** Events read at once when going back from the end of a stream: what is looked for is usually close. */
const backwardsPage = 64;
/** Most streams with an append of unknown outcome; the one that is so for the longest time is then read again. */
const maxInvalidated = 10_000;
const defaultMaxCachedStreams = 50_000;

/**
 * Loads the states of streams and appends to them. States are folded from the store and cached, so that only new
 * events are read. This is the only place that appends.
 */
export class StreamRepository {
  readonly #cache: LRUCache<string, CachedState>;
  /** Streams with an append of unknown outcome, which may still be written: the revision each expects, oldest first. */
  readonly #invalidated = new Map<StreamName, Revision | undefined>();
  readonly #isOnlyWriter: boolean;

  /**
   * @param options.isOnlyWriter no other process appends to this store (an embedded log): a cached state is then
   * current and is not read again. Default false.
   * @param options.maxCachedStreams streams whose state is kept; the least recently used are dropped first.
   */
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
    options: { readonly isOnlyWriter?: boolean; readonly maxCachedStreams?: number } = {},
  ) {
    this.#isOnlyWriter = options.isOnlyWriter ?? false;
    this.#cache = new LRUCache({ max: options.maxCachedStreams ?? defaultMaxCachedStreams });
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
    const isUsable = cached && (this.isCurrent(stream) || this.#isYoung(cached, options.maxAgeMs));
    // A stream is always folded by the same decider, so what is cached under its name has its state type.
    return isUsable ? (cached as Loaded<State>) : this.refresh(fold, stream);
  }

  /**
   * The state at the lowest cost, to refuse early what cannot succeed. Where this process is the only writer, a stream
   * that is not cached counts as new; otherwise the store is read.
   */
  async peek<State, Event extends DomainEvent>(fold: Fold<State, Event>, stream: StreamName): Promise<State> {
    if (this.isCurrent(stream)) return this.cached<State>(stream)?.state ?? fold.initialState;
    return (await this.refresh(fold, stream)).state;
  }

  /** Reads the events appended since the stream was last read, and caches the state. */
  async refresh<State, Event extends DomainEvent>(
    fold: Fold<State, Event>,
    stream: StreamName,
  ): Promise<Loaded<State>> {
    let loaded: Loaded<State> = this.cached<State>(stream) ?? newStream(fold.initialState);
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
    this.#remember(stream, loaded);
    return loaded;
  }

  /** The cached state of a stream, which may be out of date: see {@link isCurrent}. */
  cached<State>(stream: StreamName): Loaded<State> | undefined {
    return this.#cache.get(stream) as Loaded<State> | undefined; // see load(): one decider per stream
  }

  /**
   * Whether the cache agrees with the store about this stream. A stream that is not cached is then new, or was dropped
   * from the cache.
   */
  isCurrent(stream: StreamName): boolean {
    return this.#isOnlyWriter && !this.#invalidated.has(stream);
  }

  /**
   * Appends events under the revision they were decided on.
   * @param now the moment of the decision.
   * @returns the new state; undefined when another append came first, or an earlier run of this command already wrote
   * under these event ids, perhaps other facts. Refresh and decide again.
   * @throws {StoreUnavailable} when the outcome is unknown: repeat the same command.
   */
  async append<State, Event extends DomainEvent>(
    { evolve }: Fold<State, Event>,
    stream: StreamName,
    loaded: Loaded<State>,
    events: readonly Event[],
    context: CommandContext,
    now: Instant,
  ): Promise<Loaded<State> | undefined> {
    const { revision } = loaded;
    const newEvents = newEventsOf(stream, revision, events, context, now);
    const appended = await this.#tryAppend(stream, revision, newEvents);
    if (!appended || appended.replayed) return undefined;
    const state = events.reduce(evolve, loaded.state);
    const next = { state, revision: appended.revision, position: appended.position };
    this.#remember(stream, next);
    return next;
  }

  /**
   * Appends to several streams, each only if everything before it was written; see {@link EventStore.appendInOrder}.
   * @param now the moment of the decisions.
   * @returns the results of those that were written. If there are fewer than decided, the stream of the next one is read
   * again, so that the rest can be decided anew.
   * @throws {StoreUnavailable} when it is unknown how many were written: repeat the same command.
   */
  async appendInOrder(
    decided: readonly DecidedAppend[],
    context: CommandContext,
    now: Instant,
  ): Promise<readonly AppendResult[]> {
    const appends = decided.map(({ stream, revision, events }) => {
      const newEvents = newEventsOf(stream, revision, events, context, now);
      return { stream, expected: revision ?? ('none' as const), events: newEvents };
    });
    let results: readonly AppendResult[];
    try {
      results = await this.store.appendInOrder(appends);
    } catch (error) {
      if (!isNothingWritten(error)) {
        for (const { stream, revision } of decided) this.#invalidate(stream, revision);
      }
      throw error;
    }
    for (const [index, { stream, state, refresh }] of decided.entries()) {
      const result = results[index];
      if (!result) {
        await refresh();
        break;
      }
      this.#remember(stream, { state, revision: result.revision, position: result.position });
    }
    return results;
  }

  /**
   * Appends one event without an expected revision: the store gives it the next number atomically.
   * A retry may write a second copy, which every fold of such a stream must ignore.
   */
  async appendAny(stream: StreamName, event: DomainEvent, context: CommandContext): Promise<AppendResult> {
    const id = deriveId(context.commandId, stream, event.type);
    return this.store.append(stream, 'any', [toNewEvent(event, id, context, this.clock.now())]);
  }

  /** How many events a stream has. */
  async eventCount(stream: StreamName): Promise<number> {
    const [last] = await this.store.readStream(stream, { from: 'end', direction: 'backwards', limit: 1 });
    return last ? last.revision + 1 : 0;
  }

  /** The events of a stream from a revision on, oldest first, up to what it has now. */
  async *eventsFrom(
    stream: StreamName,
    from: number,
  ): AsyncGenerator<{ readonly event: DomainEvent; readonly revision: Revision }> {
    for (let next = from; ; ) {
      const page = await this.store.readStream(stream, { from: next, limit: maxReadCount });
      for (const recorded of page) yield { event: decodeEvent(recorded), revision: recorded.revision };
      const last = page.at(-1);
      if (last === undefined || page.length < maxReadCount) return;
      next = last.revision + 1;
    }
  }

  /** The events of a stream between a position and a revision, both exclusive, newest first. */
  async *eventsBetween(
    stream: StreamName,
    after: Position | undefined,
    before: Revision,
  ): AsyncGenerator<{
    readonly event: DomainEvent;
    readonly revision: Revision;
    readonly position: Position;
  }> {
    for (let from = before - 1; from >= 0; from -= backwardsPage) {
      const page = await this.store.readStream(stream, {
        from,
        direction: 'backwards',
        limit: backwardsPage,
      });
      for (const recorded of page) {
        const { revision, position } = recorded;
        if (after !== undefined && position <= after) return;
        yield { event: decodeEvent(recorded), revision, position };
      }
    }
  }

  async #tryAppend(
    stream: StreamName,
    revision: Revision | undefined,
    events: readonly NewEvent[],
  ): Promise<AppendResult | undefined> {
    try {
      return await this.store.append(stream, revision ?? 'none', events);
    } catch (error) {
      if (error instanceof WrongExpectedRevision) return undefined;
      if (!isNothingWritten(error)) this.#invalidate(stream, revision);
      throw error;
    }
  }

  /** An append of unknown outcome: the events may have been written, or may still be. */
  #invalidate(stream: StreamName, expected: Revision | undefined): void {
    if (!this.#isOnlyWriter || this.#invalidated.has(stream)) return;
    this.#invalidated.set(stream, expected);
    if (this.#invalidated.size <= maxInvalidated) return;
    // An embedded log has settled it long ago: reading the stream once more is enough.
    const [oldest] = this.#invalidated.keys();
    if (oldest === undefined) return;
    this.#invalidated.delete(oldest);
    this.#cache.delete(oldest);
  }

  /** Once the stream has passed the revision that an append expects, that append can no longer be written. */
  #settle(stream: StreamName, revision: Revision | undefined): void {
    if (!this.#invalidated.has(stream)) return;
    const expected = this.#invalidated.get(stream) ?? -1;
    if (revision !== undefined && revision > expected) this.#invalidated.delete(stream);
  }

  /** After the clock was set back the age is negative, so the state counts as old. */
  #isYoung({ readAtMs }: CachedState, maxAgeMs: number | undefined): boolean {
    const ageMs = this.clock.nowMs() - readAtMs;
    return maxAgeMs !== undefined && ageMs >= 0 && ageMs <= maxAgeMs;
  }

  #remember(stream: StreamName, loaded: Loaded<unknown>): void {
    this.#settle(stream, loaded.revision);
    const cached = this.#cache.get(stream);
    // A slower reader must not put back what it read before a faster writer.
    if (cached?.revision !== undefined && cached.revision > (loaded.revision ?? -1)) return;
    this.#cache.set(stream, { ...loaded, readAtMs: this.clock.nowMs() });
  }
}

/** Whether the store refused the append before anything was written. */
function isNothingWritten(error: unknown): boolean {
  return error instanceof StoreBusy || error instanceof EventTooLarge;
}

/** A stream without events. */
export function newStream<State>(state: State): Loaded<State> {
  return { state, revision: undefined, position: undefined };
}

/** What was decided for one stream: see {@link StreamRepository.appendInOrder}. */
export interface DecidedAppend {
  readonly stream: StreamName;
  /** What it was decided on; undefined for a stream without events. */
  readonly revision: Revision | undefined;
  readonly events: readonly DomainEvent[];
  /** The stream's state after the events. */
  readonly state: unknown;
  /** Reads the stream again. */
  readonly refresh: () => Promise<unknown>;
}

/** Decided events as the store takes them, to follow a revision. */
function newEventsOf(
  stream: StreamName,
  revision: Revision | undefined,
  events: readonly DomainEvent[],
  context: CommandContext,
  now: Instant,
): NewEvent[] {
  const first = revision === undefined ? 0 : revision + 1;
  // The revision is part of the id: the same attempt repeated has the same ids, a new decision has others.
  return events.map((event, index) =>
    toNewEvent(event, deriveId(context.commandId, stream, first + index), context, now),
  );
}

function toNewEvent(event: DomainEvent, id: string, context: CommandContext, occurredAt: Instant): NewEvent {
  return { id, ...encodeEvent(event, { ...context, occurredAt }) };
}
