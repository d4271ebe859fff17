import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { isSaleClosed, type PerformanceDetails } from '../../domain/catalog.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { outstandingSeats, type TokenState, tokenDecider, tokenEnded } from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import { type PerformanceId, type TokenId, tokenIdSchema, type UserId } from '../../events/ids.js';
import type { CoolingSeat } from '../../events/queue-events.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { type SignedToken, TokenSigner } from '../../platform/token-signer.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import type { QueueSize } from '../../queries/queue.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { QueueAdmission, type QueueToken } from './queue-admission.js';
import { RecentNumbers } from './recent-numbers.js';

export const issueTokenSchema = z.strictObject({ numberOfTickets: z.number().int().min(1).max(20) });

export interface IssuedToken {
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
  /** The fan's queue number. */
  readonly number: number;
  readonly queueToken: SignedToken;
  /** False when the fan was in this queue already. */
  readonly isNew: boolean;
  /** Where the token begins in the log; undefined when the fan was in this queue already. */
  readonly requestedAt: Position | undefined;
  readonly position: Position | undefined;
}

/** One of a fan's turns in a queue, which may not have begun. */
interface Entry {
  readonly tokenId: TokenId;
  readonly entry: number;
  /** By earlier entries. */
  readonly seatsBought: number;
  /** Seats of earlier entries that cooled down for the fan, or still do. */
  readonly cooling: CoolingSeat[];
}

/** Takes a place in a performance's queue; asking again returns the same place. */
export class IssueToken extends Command<IssuedToken> {
  constructor(
    readonly userId: UserId,
    readonly performanceId: PerformanceId,
    readonly numberOfTickets: number,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Times a fan may join one queue: bounds the search for the live entry. */
const maxEntries = 20;

/** What a fan may join with. */
interface Terms {
  readonly seatLimit: number;
  readonly queueSize: QueueSize & { readonly admittedUpTo: number };
}

@CommandHandler(IssueToken)
export class IssueTokenHandler implements ICommandHandler<IssueToken> {
  readonly #numbers: RecentNumbers;

  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly admission: QueueAdmission,
    private readonly signer: TokenSigner,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly settings: CommandSettings,
    private readonly clock: Clock,
  ) {
    this.#numbers = new RecentNumbers(repository);
  }

  /** @throws {Rejected} performance-unknown, not-on-sale, sold-out, queue-full, seat-limit-reached, too-many-entries */
  async execute(command: IssueToken): Promise<IssuedToken> {
    const performance = await this.catalog.performance(command.performanceId);
    const first = this.#unknownFirst(command);
    // Most fans join for the first time: the log is not asked first whether they have. For those who have, the append is
    // refused, and their entries are read then; and before anyone is refused.
    let refusal: Rejected | undefined;
    if (first) {
      const terms = await this.#termsOf(command, performance, first);
      if (terms instanceof Rejected) refusal = terms;
      else {
        const issued = await this.#join(command, performance, first, terms);
        if (issued) return issued;
      }
    }
    const { isLive, ...found } = await this.#findEntry(command);
    if (isLive) return this.#resume(command, found.tokenId);
    if (refusal && found.entry === 0) throw refusal;
    const terms = await this.#termsOf(command, performance, found);
    if (terms instanceof Rejected) throw terms;
    // Another request of the same fan claimed the token first: find the number that it was given.
    return (await this.#join(command, performance, found, terms)) ?? this.#resume(command, found.tokenId);
  }

  /** What a fan may join with now, or why not. */
  async #termsOf(
    { performanceId, numberOfTickets }: IssueToken,
    performance: PerformanceDetails,
    { seatsBought }: Entry,
  ): Promise<Terms | Rejected> {
    const now = this.clock.now();
    const sale = await this.queries.sale(performanceId, now);
    if (isSaleClosed(performance, now) || sale.status === 'ended') {
      return refuse('not-on-sale', 'The sale of this performance is over: choose another one.');
    }
    if (sale.status === 'sold-out') {
      const message = 'Every seat is sold. Seats that are given back go to those who wait already.';
      return refuse('sold-out', message);
    }
    const seatLimit = performance.sales.seatLimitPerUser - seatsBought;
    if (numberOfTickets > seatLimit) {
      const message = `You may buy ${Math.max(0, seatLimit)} more seats of this performance.`;
      return refuse('seat-limit-reached', message, { seatLimit: performance.sales.seatLimitPerUser });
    }
    const queueSize = await this.#queueSize(performanceId);
    if (queueSize.waiting >= performance.sales.queueCapacity) return queueFull(performance);
    const { ticketsAskedBind = false } = performance.sales;
    return { seatLimit: ticketsAskedBind ? numberOfTickets : seatLimit, queueSize };
  }

  /** Claims the token and gives it a number; undefined when it has been claimed before. */
  async #join(
    command: IssueToken,
    performance: PerformanceDetails,
    { tokenId, entry, cooling }: Entry,
    { seatLimit, queueSize }: Terms,
  ): Promise<IssuedToken | undefined> {
    const { userId, performanceId, numberOfTickets, context } = command;
    const request = { tokenId, userId, performanceId, entry, numberOfTickets, seatLimit, cooling };
    const claimed = await this.deciders.executeOrThrow(
      tokenDecider,
      streams.token(tokenId),
      { kind: 'request', ...request },
      context,
      { isLikelyNew: true },
    );
    const requestedAt = claimed.position;
    if (claimed.events.length === 0 || requestedAt === undefined) return undefined;
    const { revision, position } = await this.#issue(tokenId, command);
    // The first number of a token is the one that counts. Another request of the same fan may have resumed this claim and
    // written its TokenIssued first.
    const number = await this.#numbers.firstOf(tokenId, performanceId, requestedAt, revision);
    if (number - queueSize.admittedUpTo - queueSize.leftBeforeAdmission >= performance.sales.queueCapacity) {
      await this.#giveUp(tokenId, context);
      throw queueFull(performance);
    }
    return this.#reply(command, { tokenId, number, isNew: true, requestedAt, position });
  }

  /**
   * The queue before the fan is given a number: fans who have left by then have lower numbers, so of many who join at
   * once exactly those whose numbers are within the capacity stay.
   */
  async #queueSize(performanceId: PerformanceId) {
    const admittedUpTo = await this.admission.admittedUpTo(performanceId);
    return { admittedUpTo, ...(await this.queries.queueSize(performanceId)) };
  }

  /** The fan's first entry, if nothing is known of it; undefined when it has begun. */
  #unknownFirst(command: IssueToken): Entry | undefined {
    const tokenId = tokenIdOf(command, 0);
    const known = this.repository.cached<TokenState>(streams.token(tokenId));
    return known === undefined ? { tokenId, entry: 0, seatsBought: 0, cooling: [] } : undefined;
  }

  /** The fan's live entry, or the next free one. */
  async #findEntry(command: IssueToken): Promise<Entry & { readonly isLive: boolean }> {
    let seatsBought = 0;
    let cooling: CoolingSeat[] = [];
    for (let entry = 0; entry < maxEntries; entry++) {
      const tokenId = tokenIdOf(command, entry);
      const state: TokenState = (await this.repository.load(tokenDecider, streams.token(tokenId))).state;
      if (state.kind !== 'ended')
        return { tokenId, entry, seatsBought, cooling, isLive: state.kind !== 'none' };
      seatsBought += outstandingSeats(state);
      // It was told what cooled down when it began.
      cooling = [...state.cooling.values()];
    }
    throw refuse('too-many-entries', `You have joined this queue ${maxEntries} times: no more is possible.`);
  }

  /**
   * The reply for a token that exists: its number is that of its first TokenIssued. If a crash left it without one, it is
   * written now; a second copy is ignored by every reader.
   */
  async #resume(command: IssueToken, tokenId: TokenId): Promise<IssuedToken> {
    const found = { tokenId, isNew: false, requestedAt: undefined };
    const { position: known } = await this.repository.load(tokenDecider, streams.token(tokenId));
    if (known !== undefined) {
      const number = await this.#numberOf(tokenId, known);
      if (number !== undefined) return this.#reply(command, { ...found, number, position: known });
    }
    const { position } = await this.#issue(tokenId, command);
    const number = await this.#numberOf(tokenId, position);
    if (number === undefined) throw refuse('busy', 'Your place is being recorded: ask again in a moment.');
    return this.#reply(command, { ...found, number, position });
  }

  /** The token's number, once the read models contain everything up to `position`; undefined when it has none. */
  async #numberOf(tokenId: TokenId, position: Position): Promise<number | undefined> {
    await this.queries.waitFor(position);
    return this.queries.numberOfToken(tokenId);
  }

  async #issue(tokenId: TokenId, { userId, performanceId, numberOfTickets, context }: IssueToken) {
    const data = { tokenId, performanceId, userId, numberOfTickets };
    // A retry may find its first entry ended and make another one: another step, with an event id of its own.
    const step = stepContext(context, tokenId);
    const stream = streams.queue(performanceId);
    const issued = await this.repository.appendAny(stream, { type: 'TokenIssued', data }, step);
    this.#numbers.add(performanceId, issued.revision, { tokenId, position: issued.position });
    return issued;
  }

  async #giveUp(tokenId: TokenId, context: CommandContext): Promise<void> {
    await this.deciders.executeOrThrow(
      tokenDecider,
      streams.token(tokenId),
      { kind: 'expire', reason: 'queue-full' },
      stepContext(context, 'queue-full'),
    );
  }

  #reply(
    { userId, performanceId }: IssueToken,
    issued: Omit<IssuedToken, 'performanceId' | 'queueToken'>,
  ): IssuedToken {
    const claims = { sub: userId, tid: issued.tokenId, pid: performanceId, num: issued.number };
    return {
      ...issued,
      performanceId,
      queueToken: this.signer.queue.sign(claims, this.settings.queueTokenTtlMs),
    };
  }
}

function tokenIdOf({ userId, performanceId }: IssueToken, entry: number): TokenId {
  return tokenIdSchema.parse(deriveId('token', userId, performanceId, entry));
}

function queueFull({ sales }: PerformanceDetails) {
  const message = 'The queue of this performance is full: try again when some have been served.';
  return refuse('queue-full', message, { queueCapacity: sales.queueCapacity });
}

/** Signs a queue token anew before it runs out; the place stays. */
export class RefreshToken extends Command<SignedToken> {
  constructor(readonly queueToken: QueueToken) {
    super();
  }
}

@CommandHandler(RefreshToken)
export class RefreshTokenHandler implements ICommandHandler<RefreshToken> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly signer: TokenSigner,
    private readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} token-ended, token-unknown */
  async execute({ queueToken }: RefreshToken): Promise<SignedToken> {
    const { state } = await this.repository.load(tokenDecider, streams.token(queueToken.tokenId));
    if (state.kind === 'none') throw refuse('token-unknown', 'Join the queue of this performance first.');
    if (state.kind === 'ended') throw new Rejected(tokenEnded.rejection);
    const claims = {
      sub: queueToken.userId,
      tid: queueToken.tokenId,
      pid: queueToken.performanceId,
      num: queueToken.number,
    };
    return this.signer.queue.sign(claims, this.settings.queueTokenTtlMs);
  }
}
