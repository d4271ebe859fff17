import { setImmediate } from 'node:timers/promises';
import type { EventStore, Position, RecordedEvent } from '../../event-store/port.js';
import { type Instant, toInstant } from '../../events/ids.js';
import {
  type AuditOptions,
  type AuditReport,
  type CheckGroup,
  checks,
  defaultAuditOptions,
  dispatch,
  type Finding,
  Findings,
  type Listed,
  type Unfinished,
} from './checks.js';
import { Companions } from './companions.js';
import { Cancellations, Orders, Reservations } from './orders.js';
import { Tickets } from './places.js';
import { Queues } from './queues.js';
import { SeatReturns } from './seat-returns.js';
import { HoldEnds, SeatingPlans, SeatOwners } from './seats.js';
import { Structure } from './structure.js';
import { SeatLimits, SeatRequests, Turns } from './turns.js';
import { Charges, Wallets } from './wallets.js';

/** Unfinished holds and orders named in the report; more are only counted. */
const maxListed = 100;

/**
 * Checks a log event by event, using nothing but the log. The rules share no code with the deciders that wrote it.
 * Keeps a few fields for each stream: memory grows with the number of seats, fans, holds and orders, not of events.
 */
export class Auditor {
  readonly #findings = new Findings(checks);
  readonly #structure = new Structure(this.#findings);
  readonly #owners: SeatOwners;
  readonly #orders: Orders;
  readonly #wallets: Wallets;
  /** In the order in which they get an event: groups that others look things up in come first. */
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
      new SeatReturns(findings, turns),
      new SeatingPlans(findings, this.#owners, bounds),
      new Tickets(findings, bounds),
      new Companions(findings, this.#orders, bounds),
      new Reservations(findings, this.#owners, this.#orders),
      new Cancellations(findings, this.#owners, bounds),
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

  /** Findings so far. */
  get findings(): readonly Finding[] {
    return this.#findings.kept;
  }

  /** Checks the next event. Call it for every event in log order, from the first. */
  apply(recorded: RecordedEvent): void {
    this.#events++;
    this.#lastPosition = recorded.position;
    const fact = this.#structure.verify(recorded);
    if (!fact) return;
    if (this.#newestAt === undefined || fact.at > this.#newestAt) this.#newestAt = fact.at;
    for (const group of this.#groups) dispatch(group, fact);
  }

  /**
   * The report. Call it once, after the last event.
   * @param now the moment the log was read: holds, orders and charges should have ended by then.
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

interface AuditLogOptions extends Partial<AuditOptions> {
  /** Called after each page. `lastPosition`: where the audit will stop. */
  readonly onProgress?: (progress: AuditProgress) => void;
  /**
   * The moment deadlines are judged by, taken before the call: the system's clock for a log that is being
   * written. Default: the time of the last event, for a log at rest, where no server ends holds.
   */
  readonly now?: Instant;
  /** Ends the audit early by throwing its reason. */
  readonly signal?: AbortSignal;
}

export interface AuditProgress {
  readonly events: number;
  readonly position: Position;
  readonly lastPosition: Position;
}

/** Events between two yields to the event loop: about ten milliseconds of work. */
const pageSize = 512;

/** Audits the log from its start to its current end; other work runs between pages. */
export async function auditLog(store: EventStore, options: AuditLogOptions = {}): Promise<AuditReport> {
  const auditor = new Auditor(options);
  const head = await store.head();
  let events = 0;
  let last: Position | undefined;
  while (head !== undefined && (last === undefined || last < head)) {
    options.signal?.throwIfAborted();
    // Positions have gaps of unknown size: the next page begins with the last event of the one before.
    const page = await store.readAll({ from: last ?? 'start', limit: pageSize });
    const before = last;
    const fresh = page.filter(
      ({ position }) => position <= head && (before === undefined || position > before),
    );
    for (const event of fresh) auditor.apply(event);
    events += fresh.length;
    last = fresh.at(-1)?.position;
    if (last === undefined) break;
    options.onProgress?.({ events, position: last, lastPosition: head });
    await setImmediate();
  }
  return auditor.finish(options.now ?? auditor.newestAt ?? toInstant(0));
}
