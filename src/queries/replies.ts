/** What the queries answer: the JSON of the REST API's reads, field by field. */

import type {
  ChargeId,
  HoldId,
  Instant,
  OrderId,
  PaymentId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../events/ids.js';

export type * from './catalog-replies.js';

/** Languages a name may be given in beside the main one. */
export type Language = 'ko' | 'en';

/** A page and the opaque cursor of the next one; null on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** What to page by: `limit` 1..100 items after `cursor`. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
}

export interface UserReply {
  readonly userId: UserId;
  readonly loginId: string;
  readonly username: string;
  readonly name: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

export interface WalletReply {
  readonly userId: UserId;
  readonly balance: number;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

export interface WalletEntryReply {
  readonly kind: 'charged' | 'spent' | 'refunded';
  readonly amount: number;
  /** Points left after this entry. */
  readonly balance: number;
  readonly chargeId: ChargeId | null;
  readonly orderId: OrderId | null;
  readonly at: Instant;
  readonly position: number;
}

export interface ChargeReply {
  readonly chargeId: ChargeId;
  readonly userId: UserId;
  readonly amount: number;
  readonly status: 'pending' | 'approved' | 'credited' | 'declined';
  readonly paymentId: PaymentId | null;
  readonly declineReason: string | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

export type TokenStatus = 'waiting' | 'admitted' | 'entered' | 'completed' | 'expired' | 'left';

export interface QueueTokenReply {
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
  /** Null only between asking for and getting a number. */
  readonly number: number | null;
  /** Null until the queue opens. */
  readonly place: number | null;
  readonly status: TokenStatus;
  readonly opened: boolean;
  readonly opensAt: Instant | null;
  /** Fans before this one; 0 when admitted. */
  readonly ahead: number;
  readonly estimatedWaitSeconds: number | null;
  /** An admitted fan must enter before this. */
  readonly enterBefore: Instant | null;
  /** The end of an entered fan's time inside. */
  readonly expiresAt: Instant | null;
  readonly numberOfTickets: number;
}

export interface QueueReply {
  readonly performanceId: PerformanceId;
  readonly opened: boolean;
  readonly opensAt: Instant | null;
  /** Fans waiting. */
  readonly size: number;
  readonly capacity: number;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  /** Fans admitted or inside. */
  readonly active: number;
  readonly maxActive: number;
  readonly admittedUpTo: number;
  /** Numbers given so far; the next fan gets this one. */
  readonly issued: number;
  /** Who is next. */
  readonly head: { readonly number: number } | null;
}

/** What anyone needs to recompute the places of a queue. */
export interface QueueFairnessReply {
  readonly performanceId: PerformanceId;
  readonly algorithm: string;
  /** SHA-256 (hex) of the seed, published with the performance. */
  readonly seedHash: string;
  readonly opened: boolean;
  readonly openedAt: Instant | null;
  /** Null until the queue opens and the seed is revealed. */
  readonly seed: string | null;
  /** Numbers below it were given before the opening and are shuffled; null until the queue opens. */
  readonly shuffledCount: number | null;
  readonly issued: number;
  readonly admittedUpTo: number;
}

/** One number of a queue and how far its fan came. */
export interface QueueNumberReply {
  readonly number: number;
  readonly tokenId: TokenId;
  /** Null until the queue opens. */
  readonly place: number | null;
  /** `left`: the turn ended before it was this fan's; `admitted`: it was, whatever came then. */
  readonly state: 'waiting' | 'admitted' | 'left';
  readonly admittedAt: Instant | null;
}

export interface HeldSeatReply {
  readonly seatId: SeatId;
  readonly sectionName: string | null;
  readonly row: string | null;
  readonly number: string | null;
  readonly category: string | null;
  readonly price: number;
}

export interface HoldReply {
  readonly holdId: HoldId;
  readonly scheduleId: ScheduleId;
  readonly performanceId: PerformanceId | null;
  readonly seats: readonly HeldSeatReply[];
  readonly total: number;
  readonly expiresAt: Instant;
}

export type OrderStatus = 'placed' | 'paid' | 'failed' | 'cancelled' | 'refunded';

export interface OrderItemReply {
  readonly seatId: SeatId;
  readonly scheduleId: ScheduleId;
  readonly quantity: 1;
  readonly price: number;
  readonly sectionName: string | null;
  readonly row: string | null;
  readonly number: string | null;
}

export interface OrderReply {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  readonly orderDate: Instant;
  readonly totalAmount: number;
  readonly orderStatus: OrderStatus;
  readonly failureReason: string | null;
  readonly items: readonly OrderItemReply[];
  readonly payment: {
    readonly paymentId: PaymentId;
    readonly amount: number;
    readonly paymentStatus: 'completed' | 'refunded';
    readonly paymentDate: Instant;
    readonly points: readonly { readonly userId: UserId; readonly amount: number }[];
  } | null;
  readonly reservations: readonly {
    readonly reservationId: string;
    readonly seatId: SeatId;
    readonly scheduleId: ScheduleId;
    readonly reservationDate: Instant;
    readonly reservationStatus: 'confirmed' | 'cancelled';
  }[];
  readonly updatedAt: Instant;
}

export interface ReservationReply {
  readonly reservationId: string;
  readonly userId: UserId;
  readonly orderId: OrderId;
  readonly seatId: SeatId;
  readonly scheduleId: ScheduleId;
  readonly performanceId: PerformanceId;
  readonly performanceName: string | null;
  readonly startsAt: Instant | null;
  readonly venueName: string | null;
  readonly sectionName: string | null;
  readonly row: string | null;
  readonly number: string | null;
  readonly price: number;
  readonly reservationDate: Instant;
  readonly reservationStatus: 'confirmed' | 'cancelled';
}
