import { LRUCache } from 'lru-cache';
import type { Decider } from '../domain/decider.js';
import { type Rejection, rejection } from '../domain/rejection.js';
import {
  type AppendResult,
  type EventStore,
  maxReadCount,
  type NewEvent,
  type Position,
  type Revision,
  WrongExpectedRevision,
} from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import { type DomainEvent, decodeEvent, encodeEvent } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import { deriveId } from '../platform/derive-id.js';
import type { CommandContext } from './command-context.js';
import { Rejected } from './rejected.js';

/** A stream's state and where it was read. */
export interface Loaded<State> {
  readonly state: State;
  /** Last revision folded into the state; undefined for a stream without events. */
  readonly revision: Revision | undefined;
  readonly position: Position | undefined;
}

export type Accepted<State> = Loaded<State> & {
  readonly kind: 'accepted';
  /** What was written; none when the command had nothing left to do. */
  readonly events: readonly DomainEvent[];
};

export type Outcome<State> =
  | Accepted<State>
  | ({ readonly kind: 'rejected'; readonly rejection: Rejection } & Loaded<State>);

interface CachedState extends Loaded<unknown> {
  readonly readAtMs: number;
}

/**
 * Attempts before a command on a contended stream gives up. Each conflict means that somebody else succeeded,
 * so this many in a row on one stream is overload, not bad luck.
 */
const maxAttempts = 32;
/** Events read at once when going back from the end of a stream: what is looked for is usually close. */
const backwardsPage = 64;
/** Streams whose state is kept; the least recently used go first. */
const maxCachedStreams = 50_000;

/**
 * Loads a stream, decides, and appends under the revision that was read: the only place that appends.
 * Two commands that decide on the same revision cannot both be written; the loser decides again on what the
 * winner wrote. That alone keeps a seat from being sold twice.
 */
export class Executor {
  readonly #cache = new LRUCache<string, CachedState>({ max: maxCachedStreams });

  /**
   * @param isOnlyWriter nobody else appends to this store while this executor lives (an embedded log): what it
   * has cached is then what the store holds, and nothing has to be read twice. Several processes: false.
   */
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
    private readonly isOnlyWriter = false,
  ) {}

  /**
   * Runs a command against one stream. A rejection is decided on what the store holds now, never on a cached
   * state alone.
   * @param options.isLikelyNew the stream most often has no events yet: one this process has not met is taken
   * for a new one without reading it. Where that is wrong the append is refused, and it is read after all.
   * @throws {StoreUnavailable} when the outcome is unknown: repeat the same command.
   */
  async execute<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: StreamName,
    command: Command,
    context: CommandContext,
    options: { readonly isLikelyNew?: boolean } = {},
  ): Promise<Outcome<State>> {
    const cached = this.#cached<State>(stream);
    const isGuess = cached === undefined && options.isLikelyNew === true;
    let loaded = cached ?? (isGuess ? newStream(decider.initial) : await this.#read(decider, stream));
    let isFresh = this.isOnlyWriter && !isGuess;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const now = this.clock.now();
      const decision = decider.decide(command, loaded.state, now);
      const isWriting = decision.kind === 'accepted' && decision.events.length > 0;
      if (!isWriting && !isFresh) {
        loaded = await this.#read(decider, stream);
        isFresh = true;
        continue;
      }
      if (decision.kind === 'rejected') return { ...decision, ...loaded };
      if (!isWriting) return { kind: 'accepted', events: [], ...loaded };
      const appended = await this.#tryAppend(stream, loaded.revision, decision.events, context, now);
      // A replay means that an earlier run of this command wrote under these ids, perhaps at another moment and
      // with other facts: what it wrote counts, so the command decides again on that.
      if (appended && !appended.replayed) {
        const state = decision.events.reduce(decider.evolve, loaded.state);
        const next = { state, revision: appended.revision, position: appended.position };
        this.#remember(stream, next);
        return { kind: 'accepted', events: decision.events, ...next };
      }
      loaded = await this.#read(decider, stream);
      isFresh = true;
    }
    const busy = rejection('busy', 'Too many people want this at the same moment: try again shortly.');
    return { kind: 'rejected', rejection: busy, ...loaded };
  }

  /** As {@link execute}, but throws the rejection. @throws {Rejected} */
  async executeOrThrow<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: StreamName,
    command: Command,
    context: CommandContext,
  ): Promise<Accepted<State>> {
    const outcome = await this.execute(decider, stream, command, context);
    if (outcome.kind === 'rejected') throw new Rejected(outcome.rejection);
    return outcome;
  }

  /**
   * The state of a stream, reading only what was appended since it was last read.
   * @param options.maxAgeMs accept a state read at most this long ago without asking the store; default 0.
   */
  async load<State, Event extends DomainEvent>(
    decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve'>,
    stream: StreamName,
    options: { readonly maxAgeMs?: number } = {},
  ): Promise<Loaded<State>> {
    const cached = this.#cache.get(stream);
    if (!cached) return this.#read(decider, stream);
    const isCurrent = this.isOnlyWriter || this.clock.nowMs() - cached.readAtMs <= (options.maxAgeMs ?? -1);
    // A stream is always folded by the same decider, so what was cached under its name has its state type.
    return isCurrent ? (cached as Loaded<State>) : this.#read(decider, stream);
  }

  /**
   * The state as far as it is known at no cost, to turn away early what plainly can't succeed. Where nobody else
   * writes, a stream this process has not met counts as new; otherwise the store is asked.
   */
  async presume<State, Event extends DomainEvent>(
    decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve'>,
    stream: StreamName,
  ): Promise<State> {
    if (this.isOnlyWriter) return this.#cached<State>(stream)?.state ?? decider.initial;
    return (await this.#read(decider, stream)).state;
  }

  /** Reads what was appended since the stream was last read. */
  async #read<State, Event extends DomainEvent>(
    decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve'>,
    stream: StreamName,
  ): Promise<Loaded<State>> {
    const cached = this.#cached<State>(stream);
    let loaded: Loaded<State> = cached ?? newStream(decider.initial);
    for (;;) {
      const from = loaded.revision === undefined ? 0 : loaded.revision + 1;
      const page = await this.store.readStream(stream, { from, limit: maxReadCount });
      for (const recorded of page) {
        const event = decodeEvent(recorded) as Event; // the stream's category holds only this decider's events
        loaded = {
          state: decider.evolve(loaded.state, event),
          revision: recorded.revision,
          position: recorded.position,
        };
      }
      if (page.length < maxReadCount) break;
    }
    this.#remember(stream, loaded);
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

  /**
   * Appends one event whatever the stream's revision: the store gives it the next number atomically.
   * A retry may write a second copy, which every fold of such a stream must ignore.
   */
  async appendAny(stream: StreamName, event: DomainEvent, context: CommandContext): Promise<AppendResult> {
    const id = deriveId(context.commandId, stream, event.type);
    return this.store.append(stream, 'any', [this.#toNewEvent(event, id, context, this.clock.now())]);
  }

  async #tryAppend(
    stream: StreamName,
    revision: Revision | undefined,
    events: readonly DomainEvent[],
    context: CommandContext,
    now: Instant,
  ): Promise<AppendResult | undefined> {
    const first = revision === undefined ? 0 : revision + 1;
    // The revision is part of the id: the same attempt repeated has the same ids, a new decision has others.
    const newEvents = events.map((event, index) =>
      this.#toNewEvent(event, deriveId(context.commandId, stream, first + index), context, now),
    );
    try {
      return await this.store.append(stream, revision ?? 'none', newEvents);
    } catch (error) {
      if (error instanceof WrongExpectedRevision) return undefined;
      throw error;
    }
  }

  #toNewEvent(event: DomainEvent, id: string, context: CommandContext, occurredAt: Instant): NewEvent {
    return { id, ...encodeEvent(event, { ...context, occurredAt }) };
  }

  #cached<State>(stream: StreamName): Loaded<State> | undefined {
    return this.#cache.get(stream) as Loaded<State> | undefined; // see load(): one decider per stream
  }

  #remember(stream: StreamName, loaded: Loaded<unknown>): void {
    const cached = this.#cache.get(stream);
    // A slower reader must not put back what it read before a faster writer.
    if (cached?.revision !== undefined && cached.revision > (loaded.revision ?? -1)) return;
    this.#cache.set(stream, { ...loaded, readAtMs: this.clock.nowMs() });
  }
}

function newStream<State>(state: State): Loaded<State> {
  return { state, revision: undefined, position: undefined };
}
