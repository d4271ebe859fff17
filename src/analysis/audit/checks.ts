import { z } from 'zod';
import { type Instant, instantSchema, pointsSchema } from '../../events/ids.js';
import type { DomainEvent, EventType } from '../../events/registry.js';

/** The location of an event in the log. */
export interface EventRef {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

/** One broken rule: first the event that broke it, then the events it contradicts. */
export interface Finding<Code extends string = CheckCode> {
  readonly code: Code;
  readonly message: string;
  readonly events: readonly EventRef[];
}

export interface CheckResult<Code extends string = CheckCode> {
  readonly code: Code;
  /** The group of rules it belongs to. */
  readonly invariant: string;
  /** What holds when the check finds nothing. */
  readonly meaning: string;
  /** Facts looked at. */
  readonly examined: number;
  readonly findings: number;
}

/** A hold or an order that had not ended where the audit stopped. That is no finding. */
export interface Unfinished {
  /** Stream of the seat or the order. */
  readonly stream: string;
  /** The hold's deadline, or the order's last event. */
  readonly at: Instant;
}

/** The number of things, and the first of them. */
export interface Listed<T> {
  readonly count: number;
  readonly first: readonly T[];
}

/**
 * Every check of the audit: its code, its group, and what holds when it finds nothing.
 * Codes are part of the report's format: never rename one, only add.
 */
export const checks = {
  'stream-revision': ['log', 'revisions of a stream are 0, 1, 2, … without gaps'],
  'position-order': ['log', 'positions of the log only grow'],
  'event-valid': ['log', 'data and metadata fit the schema of their event type'],
  'event-id-unique': ['log', 'no event id occurs twice (a repeated queue number may)'],
  'stream-identity': ['log', 'an event is in the stream that its ids name'],

  'seat-single-owner': [
    'seats',
    'a seat passes to an owner only when free, and to an order only from its own hold',
  ],
  'hold-ends-once': ['holds', 'each hold of a seat ends once and never comes back'],
  'hold-not-early': ['holds', 'no hold expires before its deadline'],
  'hold-in-time': ['holds', 'no seat is held or reserved under a hold past its deadline'],
  'hold-barred': ['holds', 'a seat bars only a hold that neither has it nor had it, and bars it once'],
  'barred-stays-out': ['holds', 'a barred hold never gets the seat'],
  'hold-overdue': ['holds', 'no hold is left open long after its deadline'],

  'seat-return-moment': [
    'holds',
    'a seat that is given back or lapses comes on sale again at a moment that its hold drew, within the time of the rules',
  ],
  'seat-return-waits': ['holds', 'no seat is held before the moment at which it comes on sale again'],

  'catalog-reference': ['plan', 'performances and dates refer to venues and performances published before'],
  'seat-in-plan': ['plan', 'every seat held or reserved is in its venue’s plan'],
  'plan-seat-once': ['plan', 'a plan names each seat once, so held + reserved + free = its size'],

  'price-in-force': ['sales', 'a seat is held at a price that its list stated then, or a moment before'],
  'place-sold-once': ['sales', 'no two reservations of one date name the same section, row and number'],

  'order-transition': [
    'orders',
    'an order is placed once, then paid or failed, and refunded only after failing or cancelling',
  ],
  'order-total': ['orders', 'an order’s total is the sum of its items, and no seat is in it twice'],
  'order-overdue': ['orders', 'no order is left open long'],

  'reservation-ordered': [
    'sales',
    'a seat is reserved only as an item of an open order, by its hold and at its price',
  ],
  'paid-seats-reserved': ['sales', 'a paid order has all its seats until it is cancelled'],
  'reserved-seats-paid': ['sales', 'a reserved seat belongs to a paid order, or one still open'],
  'cancelled-date-refunded': [
    'sales',
    'no seat is reserved on a cancelled date once its refunds have run, but for a moment',
  ],
  'companion-with-wheelchair': [
    'sales',
    'a paid order has the wheelchair place of each companion’s place that it has',
  ],
  'refunded-seats-free': ['sales', 'a refunded order has no seat left'],

  'wallet-balance': ['points', 'each balance is the one before plus or minus the amount'],
  'wallet-not-negative': ['points', 'no wallet spends more than it has'],
  'wallet-closed': ['points', 'no points are credited to or spent from the wallet of an erased user'],
  'charge-outcome': [
    'points',
    'a charge is requested once and approved or declined once, for its amount, by the payment system or an operator',
  ],
  'charge-credited-once': ['points', 'points are credited once for each approved charge, in full'],
  'charge-overdue': ['points', 'no approved charge stays uncredited for long'],
  'order-spent-once': ['points', 'an order spends its total once, from its owner’s wallet'],
  'order-refunded-once': ['points', 'an order gives back what it spent, once and never more'],
  'order-items-refunded-once': ['orders', 'a seat of a paid order is given back once, for its price'],
  'order-points-agree': [
    'points',
    'an order is paid only with its points spent, and refunded with what went back',
  ],

  'token-transition': ['turns', 'a turn is requested once, entered once and ends once'],
  'token-single-live': ['turns', 'a fan has one live turn at a performance'],
  'turn-not-early': [
    'turns',
    'no turn expires before its time, or before its fan has used up what it allows',
  ],
  'turn-ends-unpaid': [
    'turns',
    'a turn of which too many holds lapsed or were given back asks for no more seats, and ends with its last hold',
  ],
  'turn-ends-idle': ['turns', 'a turn asks for no seats after it was without a hold for too long'],
  'seat-cools-down': ['turns', 'no fan asks again for a seat that cools down for that fan'],
  'request-in-turn': [
    'turns',
    'seats are requested only by a fan who has entered, for the same performance, before the turn ends',
  ],
  'request-repeated': [
    'turns',
    'a second run of a request is recorded once, before any seat of its hold was given back',
  ],
  'hold-requested': ['turns', 'every hold was requested by its turn'],
  'stray-hold-ends': [
    'turns',
    'seats taken by a late request, which the limit does not count, are given back and never sold',
  ],
  'return-after-free': ['turns', 'seats that a fan bought count against the limit until they are given back'],
  'return-after-end': [
    'turns',
    'a seat stops counting only when its hold has ended there, or never took it and no run of the request can take it',
  ],
  'return-is-final': ['turns', 'no hold takes a seat that has stopped counting for it'],
  'seat-limit-turn': ['turns', 'a turn never has more seats than its limit'],
  'seat-limit-user': ['turns', 'a fan never has more seats of a performance than allowed'],

  'queue-number': ['queue', 'a queue number is given to a turn that was requested'],
  'queue-opening': ['queue', 'a queue opens once, in time, with the seed whose hash was published'],
  'queue-draw': [
    'queue',
    'places are drawn by the seed, the tokens that joined and the round of the beacon that was named, which nobody knew when the draw was closed',
  ],
  'admission-order': ['queue', 'places are admitted in order, without gaps, and only places that exist'],
  'entry-admitted': ['queue', 'a fan who enters was admitted at the place that the queue number gives'],
  'entry-in-time': ['queue', 'fans enter before the claim deadline'],
  'active-limit': ['queue', 'no more fans are active than maxActive allows'],
} as const satisfies Record<string, readonly [invariant: string, meaning: string]>;

export type CheckCode = keyof typeof checks;

const count = z.number().int().min(0);
const unfinished = z.strictObject({
  count,
  first: z.array(z.strictObject({ stream: z.string(), at: instantSchema })).readonly(),
});
// The keys of `checks` are its codes.
const checkCode = z.enum(Object.keys(checks) as [CheckCode, ...CheckCode[]]);

/** What an audit reports: also the reply of the API. */
export const auditReportSchema = z.strictObject({
  clean: z.boolean(),
  events: count.describe('Events read.'),
  lastPosition: count.nullable().describe('Position of the last one; null in an empty log.'),
  judgedAt: instantSchema.describe('The moment that deadlines were judged at.'),
  checks: z
    .array(
      z.strictObject({
        code: checkCode,
        invariant: z.string(),
        meaning: z.string().describe('What holds when the check finds nothing.'),
        examined: count.describe('Facts looked at.'),
        findings: count,
      }),
    )
    .readonly(),
  findingCount: count,
  findings: z
    .array(
      z.strictObject({
        code: checkCode,
        message: z.string(),
        events: z.array(z.strictObject({ stream: z.string(), revision: count, position: count })).readonly(),
      }),
    )
    .readonly()
    .describe('The first 1,000.'),
  points: z
    .strictObject({
      charged: pointsSchema,
      spent: pointsSchema,
      refunded: pointsSchema,
      balance: pointsSchema,
    })
    .describe('Over all wallets: charged = spent − refunded + balance.'),
  seatsReserved: count,
  ordersPaid: count,
  liveHolds: unfinished,
  openOrders: unfinished,
});
export type AuditReport = Readonly<z.infer<typeof auditReportSchema>>;

/** A verified event of the log, at its latest version. */
export type Fact<T extends EventType = EventType> = Extract<DomainEvent, { type: T }> & {
  /** The decider's clock when it was decided. */
  readonly at: Instant;
  readonly ref: EventRef;
};

/** A handler for each event type that a group of checks uses. */
export type Handlers = { readonly [T in EventType]?: (fact: Fact<T>) => void };

/** Checks of one subject, and the state they keep for it. */
export interface CheckGroup {
  readonly on: Handlers;
  /** Checks what should have ended by now. */
  finish?(now: Instant): void;
}

/** Bounds and tolerances of an audit, in milliseconds. */
export interface AuditOptions {
  /** How long after its deadline a hold may stay open: covers the sweeper's interval and a restart. */
  readonly holdOverdueMs: number;
  /** How long an order, a charge or an import may take to end. */
  readonly settleMs: number;
  /** How long after its deadline an event may be stamped, when it was decided before: a process may pause. */
  readonly clockToleranceMs: number;
}

export const defaultAuditOptions: AuditOptions = {
  holdOverdueMs: 60_000,
  settleMs: 60_000,
  clockToleranceMs: 1_000,
};

/** Calls the group's handler for the fact's type, if it has one. */
export function dispatch(group: CheckGroup, fact: Fact): void {
  // The table is keyed by the fact's own type, which TypeScript cannot follow through a union.
  const handler = group.on[fact.type] as ((fact: Fact) => void) | undefined;
  handler?.(fact);
}

/** Findings kept in full; more are only counted. */
const maxFindings = 1_000;

/** Checks by code, in the order of the report: the group, and what holds when the check finds nothing. */
type CheckTable<Code extends string> = Readonly<Record<Code, readonly [invariant: string, meaning: string]>>;

/** Counts the facts each check examined, and keeps its findings. */
export class Findings<Code extends string = CheckCode> {
  readonly kept: Finding<Code>[] = [];
  readonly #examined = new Map<Code, number>();
  readonly #found = new Map<Code, number>();
  count = 0;

  constructor(private readonly checks: CheckTable<Code>) {}

  /**
   * Records one fact examined by a check.
   * @param holds whether the rule holds for it.
   * @param message describes the fault; called only when the rule does not hold.
   * @param events the offending event first.
   */
  expect(code: Code, holds: boolean, message: () => string, ...events: readonly EventRef[]): void {
    this.#examined.set(code, (this.#examined.get(code) ?? 0) + 1);
    if (holds) return;
    this.count++;
    this.#found.set(code, (this.#found.get(code) ?? 0) + 1);
    if (this.kept.length < maxFindings) this.kept.push({ code, message: message(), events });
  }

  results(): CheckResult<Code>[] {
    const codes = Object.keys(this.checks) as Code[]; // the keys of the table and nothing else
    return codes.map((code) => {
      const [invariant, meaning] = this.checks[code];
      const examined = this.#examined.get(code) ?? 0;
      return { code, invariant, meaning, examined, findings: this.#found.get(code) ?? 0 };
    });
  }
}
