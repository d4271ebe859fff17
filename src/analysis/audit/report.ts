import type { Instant } from '../../events/ids.js';
import type { CheckCode } from './check-codes.js';

/** Where an event stands in the log. */
export interface EventRef {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

/** One broken rule, with the event that broke it first and those it contradicts after. */
export interface Finding<Code extends string = CheckCode> {
  readonly code: Code;
  readonly message: string;
  readonly events: readonly EventRef[];
}

export interface CheckResult<Code extends string = CheckCode> {
  readonly code: Code;
  /** The group of rules it belongs to. */
  readonly invariant: string;
  /** What holds when nothing is found. */
  readonly meaning: string;
  /** Facts looked at. */
  readonly examined: number;
  readonly findings: number;
}

/** A hold or an order that had not ended where the audit stopped: nothing wrong with it (yet). */
export interface Unfinished {
  /** Stream of the seat or the order. */
  readonly stream: string;
  /** The hold's deadline, or the order's last event. */
  readonly at: Instant;
}

/** A number of things and the first of them. */
export interface Listed<T> {
  readonly count: number;
  readonly first: readonly T[];
}

export interface AuditReport {
  readonly clean: boolean;
  /** Events read, and the position of the last one; null in an empty log. */
  readonly events: number;
  readonly lastPosition: number | null;
  /** The moment that deadlines were judged at. */
  readonly judgedAt: Instant;
  readonly checks: readonly CheckResult[];
  readonly findingCount: number;
  /** The first findings, at most 1000. */
  readonly findings: readonly Finding[];
  /** Points over all wallets: charged = spent − refunded + balance. */
  readonly points: {
    readonly charged: number;
    readonly spent: number;
    readonly refunded: number;
    readonly balance: number;
  };
  readonly seatsReserved: number;
  readonly ordersPaid: number;
  readonly liveHolds: Listed<Unfinished>;
  readonly openOrders: Listed<Unfinished>;
}
