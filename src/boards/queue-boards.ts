import { LRUCache } from 'lru-cache';
import type { Position } from '../event-store/port.js';
import type { PerformanceId, ScheduleId, TokenId } from '../events/ids.js';
import type { DomainEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { Queries } from '../queries/queries.js';
import { maxTokensAtOnce } from '../queries/queue.js';
import {
  bothFacts,
  factsOf,
  isTokenEvent,
  newToken,
  noFacts,
  type QueueBoard,
  type QueueFacts,
  type TokenEvent,
  type TokenState,
  tokenAfter,
} from '../queries/queue-board.js';
import type { BoardComparison } from '../queries/replies/boards.js';
import type { QueueReply, QueueTokenReply } from '../queries/replies/queue.js';
import { compareBoard, differencesOf } from './compare-boards.js';

/** Before any position a store gives. */
const beforeFirst = -1;
export interface QueueBoardSettings {
  /** For how long a queue that has changed is shown as it was read, ms. */
  readonly freshForMs: number;
  /** Queues kept, those asked for last: some 2 KB each, and 200 bytes a date. Default 1,000. */
  readonly keptQueues?: number;
  /** Tokens kept, those asked for or changed last, of all queues: at most 100 MB by default, 250,000. */
  readonly keptTokens?: number;
}

/** Compared in one go, those asked for or changed last. */
const comparedQueues = 100;
const comparedTokens = 2_000;

/** Two subscriptions tell what happens: one of queues and tokens, one of seats and the catalog. */
type Feed = 'queues' | 'seats';

interface KeptQueue {
  board: QueueBoard | undefined;
  madeAtMs: number;
  /** Newest event that changed the queue or its sale: tables without it are behind. */
  changedAt: number;
  /** Everything that the events told. */
  facts: QueueFacts;
  loading: Promise<QueueBoard> | undefined;
  head:
    | { readonly board: QueueBoard; readonly admittedUpTo: number; readonly number: number | null }
    | undefined;
}

interface KeptToken {
  /** Newest event of the token itself: tables without it are behind. */
  readonly changedAt: number;
  /** Undefined: it must be read from the tables. */
  readonly token: TokenState | undefined;
}

/**
 * The queues and places that clients look at, in memory: read from the tables by their keys, and kept up to date by the
 * events that the feeds tell. What a reply costs does not depend on how many fans queue.
 *
 * A queue that has changed is read again when it is asked for, at most once in `freshForMs` for everybody.
 * A token is known from its first event on. It is read again only when it has been missed or forgotten, its place is drawn,
 * or it is let in.
 */
export class QueueBoards {
  readonly #queues: LRUCache<PerformanceId, KeptQueue>;
  readonly #performanceOf = new Map<ScheduleId, PerformanceId>();
  readonly #tokens: LRUCache<TokenId, KeptToken>;
  /** Newest event that was followed, by feed. */
  readonly #followedTo = new Map<Feed, number>();
  /** Events up to here may have been missed; infinite until both feeds have begun. */
  #completeAfter = Number.POSITIVE_INFINITY;
  /** Newest event that changed some queue. */
  #newest = beforeFirst;
  /** Newest event of a token that is kept no more. */
  #forgottenUpTo = beforeFirst;
  #listener: (performanceId: PerformanceId) => void = () => undefined;

  constructor(
    private readonly queries: Pick<Queries, 'queueBoard' | 'queueTokens' | 'queueHead'>,
    private readonly settings: QueueBoardSettings,
    private readonly clock: Clock,
  ) {
    const { keptQueues = 1_000, keptTokens = 250_000 } = settings;
    this.#queues = new LRUCache({
      max: keptQueues,
      dispose: ({ board }) => {
        for (const scheduleId of board?.scheduleIds ?? []) this.#performanceOf.delete(scheduleId);
      },
    });
    this.#tokens = new LRUCache({
      max: keptTokens,
      dispose: ({ changedAt }, _, reason) => {
        if (reason === 'evict') this.#forgottenUpTo = Math.max(this.#forgottenUpTo, changedAt);
      },
    });
  }

  /** The listener is told of each queue that is kept and has changed, its sale included. */
  onChange(listener: (performanceId: PerformanceId) => void): void {
    this.#listener = listener;
  }

  /** @param head the newest event when following begins; undefined: there is none. */
  begin(feed: Feed, head: Position | undefined): void {
    this.#followedTo.set(feed, head ?? beforeFirst);
    // What was read before is not complete in itself.
    if (this.#followedTo.size === 2) this.#forget(Math.max(...this.#followedTo.values()));
  }

  /** An event of a queue, its admissions or a token. Those of one feed come in log order, some of them again. */
  take(event: DomainEvent, revision: number, position: Position): void {
    if (isTokenEvent(event)) this.#tokenChanged(event, revision, position);
    switch (event.type) {
      case 'QueueOpened':
      case 'TokenIssued':
      case 'TokensAdmitted':
      case 'TokenEntered':
      case 'TokenCompleted':
      case 'TokenExpired':
      case 'TokenLeft':
        this.#changed(event.data.performanceId, position, factsOf(event, revision));
        break;
      default:
    }
  }

  /**
   * The place of a token that was just given its number: known before its events come and before the tables have it.
   * @param requestedAt the position of its first event: later ones may have changed it.
   */
  async placeOfIssued(
    issued: Pick<TokenState, 'tokenId' | 'performanceId' | 'numberOfTickets'>,
    number: number,
    requestedAt: Position,
  ): Promise<QueueTokenReply> {
    const { tokenId, performanceId } = issued;
    const token = newToken(issued, number, requestedAt);
    await this.of(performanceId);
    // The fan is shown behind all others.
    this.#learn(this.#queues.peek(performanceId), { ...noFacts, issued: number + 1 });
    this.#keep(token);
    const place = await this.placeOf(tokenId);
    if (place?.number === number) return place;
    const board = await this.of(performanceId);
    return board.placeOf(board.placed(token), this.clock.nowMs());
  }

  /** A seat of a date was taken or is free again. */
  seatChanged(scheduleId: ScheduleId, position: Position): void {
    this.#newest = Math.max(this.#newest, position);
    const performanceId = this.#performanceOf.get(scheduleId);
    if (performanceId) this.#changed(performanceId, position);
  }

  /** An event of a venue, a performance or a date: any sale may stand differently. */
  catalogChanged(position: Position): void {
    this.#newest = Math.max(this.#newest, position);
    for (const performanceId of this.#queues.keys()) this.#changed(performanceId, position);
  }

  /** Everything up to here has been told. */
  followed(feed: Feed, position: Position): void {
    this.#followedTo.set(feed, position);
  }

  /** Events up to here may have been missed. */
  missed(position: Position): void {
    this.#forget(Math.max(this.#completeAfter, position));
  }

  /**
   * A queue now; not `isKnown` when there is none.
   * @param wanted a log position that it must have reached, and the tables have.
   */
  async of(performanceId: PerformanceId, wanted?: Position): Promise<QueueBoard> {
    let kept = this.#queues.get(performanceId);
    if (kept?.board && this.#isGood(kept, kept.board, wanted)) return kept.board;
    if (!kept) {
      kept = {
        board: undefined,
        madeAtMs: 0,
        changedAt: this.#assumedChange(),
        facts: noFacts,
        loading: undefined,
        head: undefined,
      };
      this.#queues.set(performanceId, kept);
    }
    // Requests that come while it is read share it.
    kept.loading ??= this.#load(performanceId, kept);
    const board = await kept.loading;
    // It may have been read before the tables had the position.
    return wanted !== undefined && wanted > board.position ? this.queries.queueBoard(performanceId) : board;
  }

  /** Whether the tables may soon show the queue differently than its board. */
  isBehind(performanceId: PerformanceId): boolean {
    const kept = this.#queues.peek(performanceId);
    return !kept?.board || kept.changedAt > kept.board.position;
  }

  /** A queue as far as it is in memory. */
  known(performanceId: PerformanceId): QueueBoard | undefined {
    return this.#queues.peek(performanceId)?.board;
  }

  /** A queue as anyone may see it; null when there is none. @param wanted as {@link of}. */
  async queue(performanceId: PerformanceId, wanted?: Position): Promise<QueueReply | null> {
    const board = await this.of(performanceId, wanted);
    if (!board.isKnown) return null;
    return board.reply(await this.#headOf(performanceId, board), this.clock.nowMs());
  }

  /** A fan's place; null when it is unknown. @param wanted as {@link of}. */
  async placeOf(tokenId: TokenId, wanted?: Position): Promise<QueueTokenReply | null> {
    const kept = this.#tokens.get(tokenId)?.token;
    const isGood = kept && (wanted === undefined || wanted <= this.#reachedBy(kept));
    const token = isGood ? kept : await this.#read(tokenId);
    if (!token) return null;
    const board = await this.of(token.performanceId, wanted);
    const placed = board.placed(token);
    const read = isGood && board.isAheadOf(placed) ? await this.#read(tokenId) : undefined;
    return board.placeOf(newer(read, placed), this.clock.nowMs());
  }

  /** Tokens of one queue, read again where its board knows more. Unknown ones are left out. */
  async tokens(board: QueueBoard, tokenIds: readonly TokenId[]): Promise<TokenState[]> {
    const found = new Map<TokenId, TokenState>();
    const missing: TokenId[] = [];
    for (const tokenId of tokenIds) {
      const kept = this.#tokens.get(tokenId)?.token;
      const token = kept && board.placed(kept);
      if (token) found.set(tokenId, token);
      if (!token || board.isAheadOf(token)) missing.push(tokenId);
    }
    for (let from = 0; from < missing.length; from += maxTokensAtOnce) {
      const read = await this.queries.queueTokens(missing.slice(from, from + maxTokensAtOnce));
      for (const token of read) {
        this.#keep(token);
        found.set(token.tokenId, newer(token, found.get(token.tokenId) ?? token));
      }
    }
    return [...found.values()];
  }

  /** Whether all that is known to have happened to a token is in it; openings and admissions are the board's to tell. */
  isCurrent({ tokenId, position }: TokenState): boolean {
    return position >= this.#tokenChangedAt(tokenId);
  }

  /** Compares the queues and tokens asked for or changed last with the tables. */
  async compare(): Promise<BoardComparison[]> {
    const compared: BoardComparison[] = [];
    for (const performanceId of [...this.#queues.keys()].slice(0, comparedQueues))
      compared.push(await compareBoard('queue', performanceId, () => this.#lookAtQueue(performanceId)));
    const tokenIds = [...this.#tokens.keys()].slice(0, comparedTokens);
    const label = `${tokenIds.length} tokens`;
    if (tokenIds.length > 0)
      compared.push(await compareBoard('tokens', label, () => this.#lookAtTokens(tokenIds)));
    return compared;
  }

  async #lookAtQueue(performanceId: PerformanceId): Promise<readonly string[] | undefined> {
    // As it would be shown now: one that is behind is read again first.
    const board = await this.of(performanceId);
    const table = await this.queries.queueBoard(performanceId);
    const kept = this.#queues.peek(performanceId);
    if (kept?.board !== board) return kept ? undefined : [];
    if (kept.changedAt > board.position || kept.changedAt > table.position) return undefined;
    const nowMs = this.clock.nowMs();
    return differencesOf(board.live(nowMs), table.live(nowMs));
  }

  async #lookAtTokens(tokenIds: readonly TokenId[]): Promise<readonly string[] | undefined> {
    const differences: string[] = [];
    const nowMs = this.clock.nowMs();
    for (let from = 0; from < tokenIds.length; from += maxTokensAtOnce) {
      for (const table of await this.queries.queueTokens(tokenIds.slice(from, from + maxTokensAtOnce))) {
        const kept = this.#tokens.peek(table.tokenId);
        if (!kept?.token) continue;
        if (kept.changedAt > table.position) return undefined;
        // Openings and admissions are the board's to tell: such a token is read again before it is shown next.
        const board = this.#queues.peek(table.performanceId)?.board;
        if (!board || board.isAheadOf(kept.token)) continue;
        const found = differencesOf(board.placeOf(kept.token, nowMs), board.placeOf(table, nowMs));
        differences.push(...found.map((difference) => `${table.tokenId}: ${difference}`));
      }
    }
    return differences;
  }

  #isGood(kept: KeptQueue, board: QueueBoard, wanted: Position | undefined): boolean {
    const isBehind = kept.changedAt > board.position;
    const reached = isBehind ? board.position : Math.max(board.position, this.#followedByBoth());
    if (wanted !== undefined && wanted > reached) return false;
    return !isBehind || performance.now() - kept.madeAtMs < this.settings.freshForMs;
  }

  async #load(performanceId: PerformanceId, kept: KeptQueue): Promise<QueueBoard> {
    try {
      const board = await this.queries.queueBoard(performanceId);
      // Changes of dates that were not known to be the queue's were not noticed.
      if (board.scheduleIds.some((scheduleId) => this.#performanceOf.get(scheduleId) !== performanceId))
        kept.changedAt = Math.max(kept.changedAt, this.#assumedChange());
      board.learn(kept.facts);
      kept.board = board;
      kept.madeAtMs = performance.now();
      if (this.#queues.peek(performanceId) !== kept) return board;
      if (!board.isKnown) this.#queues.delete(performanceId);
      for (const scheduleId of board.scheduleIds) this.#performanceOf.set(scheduleId, performanceId);
      return board;
    } finally {
      kept.loading = undefined;
    }
  }

  async #headOf(performanceId: PerformanceId, board: QueueBoard): Promise<number | null> {
    const kept = this.#queues.peek(performanceId);
    const { admittedUpTo } = board;
    if (kept?.head?.board === board && kept.head.admittedUpTo === admittedUpTo) return kept.head.number;
    const number = await this.queries.queueHead(performanceId, admittedUpTo);
    if (kept) kept.head = { board, admittedUpTo, number };
    return number;
  }

  async #read(tokenId: TokenId): Promise<TokenState | undefined> {
    const [token] = await this.queries.queueTokens([tokenId]);
    if (token) this.#keep(token);
    return token;
  }

  #keep(token: TokenState): void {
    const changedAt = this.#tokenChangedAt(token.tokenId);
    if (token.position >= changedAt) this.#tokens.set(token.tokenId, { changedAt, token });
  }

  #tokenChangedAt(tokenId: TokenId): number {
    const kept = this.#tokens.peek(tokenId);
    return kept ? kept.changedAt : Math.max(this.#completeAfter, this.#forgottenUpTo);
  }

  #tokenChanged(event: TokenEvent, revision: number, position: Position): void {
    const { tokenId } = event.data;
    const known = this.#tokens.peek(tokenId);
    if (known && known.changedAt >= position) return;
    const completeAfter = this.#tokenChangedAt(tokenId);
    // An event that is told again may be older than what was forgotten.
    const isFirst = event.type === 'TokenRequested' && position > completeAfter;
    const token = isFirst
      ? newToken(event.data, null, position)
      : known?.token && tokenAfter(known.token, event, position, revision);
    this.#tokens.set(tokenId, { changedAt: Math.max(position, completeAfter), token });
  }

  #changed(performanceId: PerformanceId, position: Position, facts: QueueFacts = noFacts): void {
    this.#newest = Math.max(this.#newest, position);
    const kept = this.#queues.peek(performanceId);
    if (!kept) return;
    kept.changedAt = Math.max(kept.changedAt, position);
    this.#learn(kept, facts);
    this.#listener(performanceId);
  }

  #learn(kept: KeptQueue | undefined, facts: QueueFacts): void {
    if (!kept) return;
    kept.facts = bothFacts(kept.facts, facts);
    kept.board?.learn(facts);
  }

  /** A queue that was not kept may have changed at any event so far. */
  #assumedChange(): number {
    return Math.max(this.#completeAfter, this.#newest);
  }

  /** Log position up to which a kept token is known: every event of it was told. */
  #reachedBy({ position }: TokenState): number {
    return Math.max(position, this.#followedTo.get('queues') ?? beforeFirst);
  }

  #followedByBoth(): number {
    return Math.min(
      this.#followedTo.get('queues') ?? beforeFirst,
      this.#followedTo.get('seats') ?? beforeFirst,
    );
  }

  #forget(completeAfter: number): void {
    this.#completeAfter = completeAfter;
    const performanceIds = [...this.#queues.keys()];
    this.#queues.clear();
    this.#tokens.clear();
    for (const performanceId of performanceIds) this.#listener(performanceId);
  }
}

/** Tables that are behind may show a token as it was before an event that is known already. */
function newer(read: TokenState | undefined, known: TokenState): TokenState {
  return read && read.position >= known.position ? read : known;
}
