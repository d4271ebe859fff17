import type { Decider } from '../domain/decider.js';
import { Rejected, type Rejection, rejection } from '../domain/rejection.js';
import {
  type AppendResult,
  type NewEvent,
  type Revision,
  WrongExpectedRevision,
} from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import { type DomainEvent, encodeEvent } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';
import { deriveId } from '../platform/derive-id.js';
import type { CommandContext } from './command-context.js';

import { type Loaded, newStream, StreamStates } from './stream-repository.js';

export type Accepted<State> = Loaded<State> & {
  readonly kind: 'accepted';
  /** What was written; none when the command had nothing left to do. */
  readonly events: readonly DomainEvent[];
};

export type Outcome<State> =
  | Accepted<State>
  | ({ readonly kind: 'rejected'; readonly rejection: Rejection } & Loaded<State>);

/**
 * Attempts before a command on a contended stream gives up. Each conflict means that somebody else succeeded,
 * so this many in a row on one stream is overload, not bad luck.
 */
const maxAttempts = 32;

/**
 * Loads a stream, decides, and appends under the revision that was read: the only place that appends.
 * Two commands that decide on the same revision cannot both be written; the loser decides again on what the
 * winner wrote. That alone keeps a seat from being sold twice.
 */
export class Executor extends StreamStates {
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
    const cached = this.cached<State>(stream);
    const isGuess = cached === undefined && options.isLikelyNew === true;
    let loaded = cached ?? (isGuess ? newStream(decider.initial) : await this.read(decider, stream));
    let isFresh = this.isKnown(stream) && !isGuess;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const now = this.clock.now();
      const decision = decider.decide(command, loaded.state, now);
      const isWriting = decision.kind === 'accepted' && decision.events.length > 0;
      if (!isWriting && !isFresh) {
        loaded = await this.read(decider, stream);
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
        this.remember(stream, next);
        return { kind: 'accepted', events: decision.events, ...next };
      }
      loaded = await this.read(decider, stream);
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
      this.doubt(stream);
      throw error;
    }
  }

  #toNewEvent(event: DomainEvent, id: string, context: CommandContext, occurredAt: Instant): NewEvent {
    return { id, ...encodeEvent(event, { ...context, occurredAt }) };
  }
}
