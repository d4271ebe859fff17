import type { Position } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import type {
  Instant,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../../events/ids.js';
import type { WalletReply } from '../../queries/replies/account.js';
import type { OrderReply } from '../../queries/replies/booking.js';
import type { SeatMapReply } from '../../queries/replies/catalog.js';
import type { QueueReply, QueueTokenReply } from '../../queries/replies/queue.js';
import type { Language, Page, PageRequest } from '../../queries/replies/reply.js';
import type { SeatMapFilter } from '../../queries/seating-plans.js';

/** The token {@link Histories} is injected by. */
export const HISTORIES = Symbol('Histories');

/** The part of the log to use: everything decided at or before a time, or recorded at or before a position. */
export type Moment =
  | { readonly kind: 'time'; readonly at: Instant }
  | { readonly kind: 'position'; readonly position: Position };

/** The moment that a reply shows. */
export interface AsOf {
  readonly asOf: {
    /** The last event the reply takes into account. */
    readonly position: Position;
    /** The time that was asked for; for a position, when its last event was decided. */
    readonly at: Instant;
  };
}

/** The state of something at a moment. */
export type Then<Reply> =
  | { readonly kind: 'known'; readonly reply: Reply & AsOf }
  | { readonly kind: 'unknown' }
  /** It exists, but did not exist then. */
  | { readonly kind: 'not-yet'; readonly since: Instant };

/** Who asks. Operators see all user ids; fans see their own actions, others are anonymous to them. */
export type Viewer = { readonly kind: 'operator' } | { readonly kind: 'fan'; readonly userId: UserId };

/** A person as shown to a viewer. */
export type Person = 'you' | 'another person' | UserId;

/** A related history. */
export type Related =
  | { readonly kind: 'order'; readonly orderId: OrderId }
  | { readonly kind: 'seat'; readonly scheduleId: ScheduleId; readonly seatId: SeatId }
  | { readonly kind: 'queue-token'; readonly performanceId: PerformanceId; readonly tokenId: TokenId };

/** One event of a history, with what it means in words. */
interface HistoryEntry {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  /** When it was decided. */
  readonly at: Instant;
  /** The event's type. */
  readonly type: string;
  /** Who caused it. */
  readonly actor: EventMetadata['actor']['kind'];
  /** The person it concerns; null: everybody. */
  readonly who: Person | null;
  readonly explanation: string;
  readonly related: readonly Related[];
}

/** What happened, newest first, and the outcome in one or two sentences. */
export interface HistoryReply extends Page<HistoryEntry> {
  readonly summary: string;
}

/** Past states and the reasons for present ones, both folded from the log. */
export interface Histories {
  /**
   * @throws {MomentAhead} by every method with a moment, when that lies in the future.
   * @throws {HistoryUnavailable} by every method that reads an index, when that is not available now.
   */
  seatMap(scheduleId: ScheduleId, moment: Moment, filter: SeatMapFilter): Promise<Then<SeatMapReply>>;
  wallet(userId: UserId, moment: Moment): Promise<Then<WalletReply>>;
  /** Unknown also when the order belongs to another user. */
  order(userId: UserId, orderId: OrderId, moment: Moment): Promise<Then<OrderReply>>;
  queue(performanceId: PerformanceId, moment: Moment): Promise<Then<QueueReply>>;
  queueToken(
    token: { readonly performanceId: PerformanceId; readonly tokenId: TokenId },
    moment: Moment,
  ): Promise<Then<QueueTokenReply>>;

  /** Null: there is no such order, or the viewer may not see it. */
  whyOrder(orderId: OrderId, asked: Asked): Promise<HistoryReply | null>;
  /** Null: there is no such date, or no such seat on it. */
  whySeat(scheduleId: ScheduleId, seatId: SeatId, asked: Asked): Promise<HistoryReply | null>;
  /** Null: there is no such token in this queue, or the viewer may not see it. */
  whyQueueToken(
    token: { readonly performanceId: PerformanceId; readonly tokenId: TokenId },
    asked: Asked,
  ): Promise<HistoryReply | null>;
}

/** Who asks, for which page, and in which language. */
export interface Asked {
  readonly viewer: Viewer;
  readonly page: PageRequest;
  readonly language: Language;
}

/** The moment lies in the future. */
export class MomentAhead extends Error {
  override readonly name = 'MomentAhead';
  /** @param latest the last possible moment: the time now, or the newest position. */
  constructor(readonly latest: Instant | Position) {
    super(`nothing is known after ${latest}`);
  }
}

/** The index that a past state is read from is not available now. */
export class HistoryUnavailable extends Error {
  override readonly name = 'HistoryUnavailable';
  /**
   * @param reason `building`: it is being built, ask again; `too-many-builds`: others are being built first;
   *   `too-large`: it does not fit into the memory set aside for histories.
   */
  constructor(readonly reason: 'building' | 'too-many-builds' | 'too-large') {
    super(`the history is not available: ${reason}`);
  }
}
