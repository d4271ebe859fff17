import { type Instant, type PerformanceId, type ScheduleId, type TokenId, toInstant } from '../events/ids.js';
import type { DomainEvent } from '../events/registry.js';
import type { QueueRow } from '../projections/queue.js';
import { type LiveQueue, placeIn, type QueueReply, type QueueTokenReply } from './replies/queue.js';
import { type SaleDates, saleOf } from './sale.js';

/** The columns of a queue that replies are made of. */
export type QueueState = Pick<
  QueueRow,
  | 'capacity'
  | 'max_active'
  | 'admit_per_second'
  | 'service_window_ms'
  | 'opens_at'
  | 'opened'
  | 'shuffled_count'
  | 'issued'
  | 'admitted_up_to'
  | 'waiting'
  | 'admitted'
  | 'entered'
>;

/** What a queue is before anybody has joined it or its performance is known. */
const nothingYet: QueueState = {
  capacity: null,
  max_active: null,
  admit_per_second: null,
  service_window_ms: null,
  opens_at: null,
  opened: false,
  shuffled_count: 0,
  issued: 0,
  admitted_up_to: 0,
  waiting: 0,
  admitted: 0,
  entered: 0,
};

/** What an event says of a queue without knowing any token. It only ever grows. */
export interface QueueFacts {
  /** Numbers below it joined before the opening, which draws their places; later numbers are their places. Null until then. */
  readonly shuffledCount: number | null;
  readonly issued: number;
  readonly admittedUpTo: number;
}

export const noFacts: QueueFacts = { shuffledCount: null, issued: 0, admittedUpTo: 0 };

/** @param revision the event's, in its stream. */
export function factsOf(event: DomainEvent, revision: number): QueueFacts {
  switch (event.type) {
    case 'QueueOpened':
      return { ...noFacts, shuffledCount: event.data.shuffledCount };
    case 'TokenIssued':
      return { ...noFacts, issued: revision + 1 };
    case 'TokensAdmitted':
      return { ...noFacts, admittedUpTo: event.data.to };
    default:
      return noFacts;
  }
}

export function bothFacts(one: QueueFacts, other: QueueFacts): QueueFacts {
  return {
    shuffledCount: one.shuffledCount ?? other.shuffledCount,
    issued: Math.max(one.issued, other.issued),
    admittedUpTo: Math.max(one.admittedUpTo, other.admittedUpTo),
  };
}

/** One fan's turn in a queue. */
export interface TokenState {
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
  /** Queue number; null until given. */
  readonly number: number | null;
  /** Null until the queue opens. */
  readonly place: number | null;
  readonly status: QueueTokenReply['status'];
  /** The deadline for entering, once admitted. */
  readonly enterBefore: Instant | null;
  /** The end of the time inside, once entered. */
  readonly expiresAt: Instant | null;
  readonly numberOfTickets: number;
  /** Log position up to which everything about this token alone is in it. */
  readonly position: number;
}

/** The events that change the token they name; openings and admissions change many tokens and name none. */
export type TokenEvent = Extract<
  DomainEvent,
  { readonly type: 'TokenRequested' | 'TokenIssued' | 'TokenEntered' | TokenEnd }
>;
type TokenEnd = 'TokenCompleted' | 'TokenExpired' | 'TokenLeft';

export function isTokenEvent(event: DomainEvent): event is TokenEvent {
  switch (event.type) {
    case 'TokenRequested':
    case 'TokenIssued':
    case 'TokenEntered':
    case 'TokenCompleted':
    case 'TokenExpired':
    case 'TokenLeft':
      return true;
    default:
      return false;
  }
}

/**
 * A token after its first event.
 * @param number null: it has not been given one.
 */
export function newToken(
  {
    tokenId,
    performanceId,
    numberOfTickets,
  }: Pick<TokenState, 'tokenId' | 'performanceId' | 'numberOfTickets'>,
  number: number | null,
  position: number,
): TokenState {
  return {
    tokenId,
    performanceId,
    number,
    place: null,
    status: 'waiting',
    enterBefore: null,
    expiresAt: null,
    numberOfTickets,
    position,
  };
}

/**
 * The token after an event of its own; undefined when the event does not say, so that the token must be read again.
 * The place of a new number depends on when the queue opened: {@link QueueBoard.placed}.
 * @param revision the event's, in its stream; undefined when it is not known.
 */
export function tokenAfter(
  token: TokenState,
  event: TokenEvent,
  position: number,
  revision?: number,
): TokenState | undefined {
  if (position <= token.position) return token;
  switch (event.type) {
    case 'TokenRequested':
      return { ...token, numberOfTickets: event.data.numberOfTickets, position };
    case 'TokenIssued':
      // The first number of a token is the one that counts.
      if (token.number !== null) return { ...token, position };
      return revision === undefined ? undefined : { ...token, number: revision, position };
    case 'TokenEntered': {
      const { place, expiresAt } = event.data;
      return { ...token, status: 'entered', place, expiresAt, position };
    }
    case 'TokenCompleted':
      return { ...token, status: 'completed', position };
    case 'TokenExpired':
      return { ...token, status: 'expired', position };
    case 'TokenLeft':
      return { ...token, status: 'left', position };
  }
}

/**
 * One queue, as a record that does not grow with its fans. Read from the tables; what events say without knowing any token
 * is added to it at once ({@link learn}): new numbers count as fans who wait, admitted places as fans who waited. Only the
 * tables know who has left or entered since, so the counts are exact again when it is read anew.
 */
export class QueueBoard {
  readonly #queue: QueueState;
  #facts = noFacts;

  /**
   * @param queue undefined: the performance is not known and has no queue.
   * @param position everything up to here is in it; some of it may be newer.
   */
  constructor(
    readonly performanceId: PerformanceId,
    queue: QueueState | undefined,
    private readonly sale: SaleDates,
    readonly position: number,
  ) {
    this.isKnown = queue !== undefined;
    this.#queue = queue ?? nothingYet;
    this.learn({
      shuffledCount: this.#queue.opened ? this.#queue.shuffled_count : null,
      issued: this.#queue.issued,
      admittedUpTo: this.#queue.admitted_up_to,
    });
  }

  /** False: there is no such queue. */
  readonly isKnown: boolean;

  learn(facts: QueueFacts): void {
    this.#facts = bothFacts(this.#facts, facts);
  }

  get facts(): QueueFacts {
    return this.#facts;
  }

  /** Places below this one were admitted. */
  get admittedUpTo(): number {
    return this.#facts.admittedUpTo;
  }

  /** The dates whose seats decide how the sale stands. */
  get scheduleIds(): readonly ScheduleId[] {
    return this.sale.dates.map((date) => date.schedule_id);
  }

  /** The token with its place, if its number alone says which: it was given after the opening. */
  placed<Token extends Pick<TokenState, 'number' | 'place'>>(token: Token): Token {
    const { shuffledCount } = this.#facts;
    const { number, place } = token;
    const isLate = shuffledCount !== null && number !== null && number >= shuffledCount;
    return isLate && place === null ? { ...token, place: number } : token;
  }

  /** Whether the queue has opened, or let in the token's place, since the token was read. The opening draws every place. */
  isAheadOf({ status, number, place }: TokenState): boolean {
    if (place === null) return number !== null && this.#facts.shuffledCount !== null;
    return status === 'waiting' && place < this.#facts.admittedUpTo;
  }

  /** What everybody in the queue is told. */
  live(nowMs: number): LiveQueue {
    const { dates, closesAt } = this.sale;
    const { status, endsAt, freeSeats } = saleOf(dates, closesAt, toInstant(nowMs));
    const queue = this.#queue;
    const { shuffledCount, issued, admittedUpTo } = this.#facts;
    const issuedSince = issued - queue.issued;
    const admittedSince = admittedUpTo - queue.admitted_up_to;
    return {
      performanceId: this.performanceId,
      opened: shuffledCount !== null,
      opensAt: queue.opens_at,
      waiting: Math.max(0, queue.waiting + issuedSince - admittedSince),
      active: queue.admitted + queue.entered + admittedSince,
      admittedUpTo,
      issued,
      maxActive: queue.max_active,
      admitPerSecond: queue.admit_per_second,
      serviceWindowMs: queue.service_window_ms,
      sale: status,
      saleEndsAt: endsAt,
      freeSeats: freeSeats ?? null,
    };
  }

  /** A fan's place. */
  placeOf(token: TokenState, nowMs: number): QueueTokenReply {
    const live = this.live(nowMs);
    const { opened, opensAt, sale, saleEndsAt } = live;
    const { tokenId, performanceId, number, place, status, enterBefore, expiresAt, numberOfTickets } = token;
    const own: QueueTokenReply = {
      tokenId,
      performanceId,
      number,
      place,
      status,
      opened,
      opensAt,
      ahead: 0,
      estimatedWaitSeconds: null,
      seatsMayRunOut: false,
      sale,
      saleEndsAt,
      enterBefore,
      expiresAt,
      numberOfTickets,
    };
    return placeIn(own, live, nowMs);
  }

  /** @param head the number of the fan who is let in next. */
  reply(head: number | null, nowMs: number): QueueReply {
    const { opened, opensAt, waiting, active, admittedUpTo, issued, ...live } = this.live(nowMs);
    const capacity = this.#queue.capacity ?? 0;
    return {
      performanceId: this.performanceId,
      opened,
      opensAt,
      size: waiting,
      capacity,
      isEmpty: waiting === 0,
      isFull: waiting >= capacity,
      active,
      maxActive: live.maxActive ?? 0,
      admittedUpTo,
      issued,
      head: head === null ? null : { number: head },
      sale: live.sale,
      saleEndsAt: live.saleEndsAt,
      freeSeats: live.freeSeats,
    };
  }
}
