import { Injectable } from '@nestjs/common';
import type { Decider } from '../domain/decider.js';
import { Rejected, type Rejection, rejection } from '../domain/rejection.js';
import type { AppendResult } from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import type { DomainEvent } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';
import { Clock } from '../platform/clock.js';
import type { CommandContext } from './command-context.js';
import { type DecidedAppend, type Loaded, newStream, StreamRepository } from './stream-repository.js';

export type Accepted<State> = Loaded<State> & {
  readonly kind: 'accepted';
  /** What was written; none when the command had nothing left to do. */
  readonly events: readonly DomainEvent[];
};

export type Outcome<State> =
  | Accepted<State>
  | ({ readonly kind: 'rejected'; readonly rejection: Rejection } & Loaded<State>);

/**
 * Attempts before a command on a contended stream gives up. Each conflict means that another command succeeded, so
 * this many in a row on one stream is overload, not bad luck.
 */
const maxAttempts = 32;

/**
 * Runs a decider's command: loads the stream, decides, and appends under the revision that was read.
 * Two commands that decide on the same revision cannot both be written; the loser decides again on what the
 * winner wrote. That alone keeps a seat from being sold twice.
 */
@Injectable()
export class DeciderHandler {
  constructor(
    private readonly repository: StreamRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs a command against one stream. A rejection is decided on what the store holds now, never on a cached
   * state alone.
   * @param options.isLikelyNew the stream most often has no events yet: when it is not cached it is taken for a new
   * one without reading it. Where that is wrong the append is refused and the stream is read.
   * @throws {StoreUnavailable} when the outcome is unknown: repeat the same command.
   */
  async execute<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: StreamName,
    command: Command,
    context: CommandContext,
    options: { readonly isLikelyNew?: boolean } = {},
  ): Promise<Outcome<State>> {
    const { repository } = this;
    const cached = repository.cached<State>(stream);
    const isGuess = cached === undefined && options.isLikelyNew === true;
    let loaded =
      cached ?? (isGuess ? newStream(decider.initialState) : await repository.refresh(decider, stream));
    let isFresh = repository.isCurrent(stream) && !isGuess;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const now = this.clock.now();
      const decision = decider.decide(command, loaded.state, now);
      const isWriting = decision.kind === 'accepted' && decision.events.length > 0;
      if (isWriting) {
        const next = await repository.append(decider, stream, loaded, decision.events, context, now);
        if (next) return { kind: 'accepted', events: decision.events, ...next };
      } else if (isFresh) {
        return decision.kind === 'rejected'
          ? { ...decision, ...loaded }
          : { kind: 'accepted', events: [], ...loaded };
      }
      loaded = await repository.refresh(decider, stream);
      isFresh = true;
    }
    const busy = rejection('busy', 'Too many people want this at the same moment: try again shortly.');
    return { kind: 'rejected', rejection: busy, ...loaded };
  }

  /** Commands on several streams that are decided now and appended together. */
  plan(): PlannedCommands {
    return new PlannedCommands(this.repository, this.clock.now());
  }

  /** As {@link execute}, but throws the rejection. @throws {Rejected} */
  async executeOrThrow<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: StreamName,
    command: Command,
    context: CommandContext,
    options: { readonly isLikelyNew?: boolean } = {},
  ): Promise<Accepted<State>> {
    const outcome = await this.execute(decider, stream, command, context, options);
    if (outcome.kind === 'rejected') throw new Rejected(outcome.rejection);
    return outcome;
  }
}

/**
 * Commands on several streams, decided on the states that are known here, without reading. They travel to the log
 * together, in the order of {@link add}: each is written only if those before it were. What cannot be decided or written
 * this way is to be left to {@link DeciderHandler.execute}.
 */
export class PlannedCommands {
  readonly #decided: DecidedAppend[] = [];

  /** @param now the moment of all decisions. */
  constructor(
    private readonly repository: StreamRepository,
    private readonly now: Instant,
  ) {}

  /**
   * @param options.isLikelyNew see {@link DeciderHandler.execute}.
   * @returns the stream's state after the command. Undefined when nothing was added, because the stream's state is not
   * known or the command writes no event.
   */
  add<State, Command, Event extends DomainEvent>(
    decider: Decider<State, Command, Event>,
    stream: StreamName,
    command: Command,
    options: { readonly isLikelyNew?: boolean } = {},
  ): State | undefined {
    const { repository } = this;
    const loaded =
      repository.cached<State>(stream) ?? (options.isLikelyNew ? newStream(decider.initialState) : undefined);
    if (!loaded) return undefined;
    const decision = decider.decide(command, loaded.state, this.now);
    if (decision.kind === 'rejected' || decision.events.length === 0) return undefined;
    const { events } = decision;
    const state = events.reduce(decider.evolve, loaded.state);
    const refresh = () => repository.refresh(decider, stream);
    this.#decided.push({ stream, revision: loaded.revision, events, state, refresh });
    return state;
  }

  /**
   * @returns the results of those that were written, in order.
   * @throws {StoreUnavailable} when it is unknown how many were written: repeat the same command.
   */
  append(context: CommandContext): Promise<readonly AppendResult[]> {
    return this.repository.appendInOrder(this.#decided, context, this.now);
  }
}
