import type { RecordedEvent } from '../../event-store/port.js';
import type { Instant } from '../../events/ids.js';
import { Charges } from './charges.js';
import { checks } from './check-codes.js';
import { type AuditOptions, type CheckGroup, defaultAuditOptions, dispatch } from './fact.js';
import { Findings } from './findings.js';
import { HoldEnds } from './hold-ends.js';
import { Orders } from './orders.js';
import { Queues } from './queues.js';
import type { AuditReport, Finding, Listed, Unfinished } from './report.js';
import { Reservations } from './reservations.js';
import { SeatLimits } from './seat-limits.js';
import { SeatOwners } from './seat-owners.js';
import { SeatRequests } from './seat-requests.js';
import { SeatingPlans } from './seating-plans.js';
import { Structure } from './structure.js';
import { Turns } from './turns.js';
import { Wallets } from './wallets.js';

/** Unfinished things named in the report; more are counted. */
const maxListed = 100;

/**
 * Judges a log from the log alone, event by event, by rules written apart from the deciders that wrote it.
 * Keeps a few fields for each stream: memory grows with the number of seats, fans, holds and orders, not with events.
 */
export class Auditor {
  readonly #findings = new Findings(checks);
  readonly #structure = new Structure(this.#findings);
  readonly #owners: SeatOwners;
  readonly #orders: Orders;
  readonly #wallets: Wallets;
  /** In the order in which each hears of an event: those that others look things up in come first. */
  readonly #groups: readonly CheckGroup[];
  #events = 0;
  #lastPosition: number | null = null;
  #newestAt: Instant | undefined;

  constructor(options: Partial<AuditOptions> = {}) {
    const bounds = { ...defaultAuditOptions, ...options };
    const findings = this.#findings;
    this.#owners = new SeatOwners(findings, bounds);
    this.#orders = new Orders(findings, bounds);
    this.#wallets = new Wallets(findings, this.#orders);
    const ends = new HoldEnds(findings, this.#owners);
    const turns = new Turns(findings);
    this.#groups = [
      this.#owners,
      ends,
      this.#orders,
      turns,
      new SeatRequests(findings, this.#owners, ends, turns, bounds),
      new SeatingPlans(findings, this.#owners, bounds),
      new Reservations(findings, this.#owners, this.#orders),
      new Charges(findings, bounds),
      this.#wallets,
      new SeatLimits(findings, this.#owners, turns, bounds),
      new Queues(findings, turns, bounds),
    ];
  }

  /** The latest time any event states; undefined in an empty log. */
  get newestAt(): Instant | undefined {
    return this.#newestAt;
  }

  /** What was found so far. */
  get findings(): readonly Finding[] {
    return this.#findings.kept;
  }

  /** Takes the next event of the log; every event in log order, from the first on. */
  apply(recorded: RecordedEvent): void {
    this.#events++;
    this.#lastPosition = recorded.position;
    const fact = this.#structure.verify(recorded);
    if (!fact) return;
    if (this.#newestAt === undefined || fact.at > this.#newestAt) this.#newestAt = fact.at;
    for (const group of this.#groups) dispatch(group, fact);
  }

  /**
   * The verdict. Call it once, after the last event.
   * @param now the moment the log was read: what should have ended by then is judged by it.
   */
  finish(now: Instant): AuditReport {
    for (const group of this.#groups) group.finish?.(now);
    const findings = this.#findings;
    return {
      clean: findings.count === 0,
      events: this.#events,
      lastPosition: this.#lastPosition,
      judgedAt: now,
      checks: findings.results(),
      findingCount: findings.count,
      findings: findings.kept,
      points: { ...this.#wallets.totals, balance: this.#wallets.balance() },
      seatsReserved: count(this.#owners.owned(), ([, owner]) => owner.kind === 'reserved'),
      ordersPaid: count(this.#orders.entries(), ([, order]) => order.status === 'paid'),
      liveHolds: this.#liveHolds(now),
      openOrders: this.#openOrders(),
    };
  }

  #liveHolds(now: Instant): Listed<Unfinished> {
    const live: Unfinished[] = [];
    for (const [, owner] of this.#owners.owned()) {
      if (owner.kind !== 'held' || owner.hold.expiresAt <= now) continue;
      live.push({ stream: owner.hold.ref.stream, at: owner.hold.expiresAt });
    }
    return { count: live.length, first: live.slice(0, maxListed) };
  }

  #openOrders(): Listed<Unfinished> {
    const open: Unfinished[] = [];
    for (const [, { status, ref, at }] of this.#orders.entries()) {
      if (status === 'placed' || status === 'undoing') open.push({ stream: ref.stream, at });
    }
    return { count: open.length, first: open.slice(0, maxListed) };
  }
}

function count<T>(items: Iterable<T>, matches: (item: T) => boolean): number {
  let matching = 0;
  for (const item of items) if (matches(item)) matching++;
  return matching;
}
