import {
  addMs,
  type HoldId,
  type Instant,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../../events/ids.js';

import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';

/** Who has a seat on one date, and by which event. */
export type SeatOwner = { readonly scheduleId: ScheduleId; readonly seatId: SeatId } & (
  | { readonly kind: 'held'; readonly hold: Hold }
  /** `hold`: the one it was reserved by; undefined when there was none, which is a finding of its own. */
  | {
      readonly kind: 'reserved';
      readonly orderId: OrderId;
      readonly hold: Hold | undefined;
      readonly ref: EventRef;
    }
);

interface Hold {
  readonly holdId: HoldId;
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly price: number;
  readonly expiresAt: Instant;
  readonly ref: EventRef;
}

/** Names one seat on one date. */
export function seatKey({ scheduleId, seatId }: { scheduleId: ScheduleId; seatId: SeatId }): string {
  return `${scheduleId}.${seatId}`;
}

/** Follows who owns each seat: never two at once. Other checks look owners up here. */
export class SeatOwners implements CheckGroup {
  readonly #owners = new Map<string, SeatOwner>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SeatHeld: (fact) => this.#hold(fact),
    SeatHoldReleased: (fact) => this.#endHold(fact),
    SeatHoldExpired: (fact) => this.#expire(fact),
    SeatReserved: (fact) => this.#reserve(fact),
    SeatReservationCancelled: (fact) => this.#cancel(fact),
  };

  /** The owner of a seat by {@link seatKey}; undefined: free. A lapsed hold owns it until its end is written. */
  ownerOf(key: string): SeatOwner | undefined {
    return this.#owners.get(key);
  }

  /** All seats that are held or reserved. */
  owned(): IterableIterator<[key: string, owner: SeatOwner]> {
    return this.#owners.entries();
  }

  finish(now: Instant): void {
    for (const owner of this.#owners.values()) {
      if (owner.kind !== 'held') continue;
      const { hold, seatId } = owner;
      this.findings.expect(
        'hold-overdue',
        now <= addMs(hold.expiresAt, this.options.holdOverdueMs),
        () => `the hold of seat ${seatId} was due at ${hold.expiresAt} and has not ended`,
        hold.ref,
      );
    }
  }

  #hold({ data, at, ref }: Fact<'SeatHeld'>): void {
    const { scheduleId, seatId, holdId, tokenId, userId, price, expiresAt } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    this.findings.expect(
      'seat-single-owner',
      owner === undefined,
      () => `seat ${seatId} is held by ${userId} while it is ${owner?.kind}`,
      ref,
      ...refsOf(owner),
    );
    this.#expectInTime(at, expiresAt, seatId, ref);
    const hold = { holdId, tokenId, userId, price, expiresAt, ref };
    this.#owners.set(key, { kind: 'held', scheduleId, seatId, hold });
  }

  /** Ends the hold an event names. @returns the hold when it was the live one. */
  #endHold({ data, ref }: Fact<'SeatHoldReleased' | 'SeatHoldExpired'>): Hold | undefined {
    const { seatId, holdId, userId } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const isLive = owner?.kind === 'held' && owner.hold.holdId === holdId && owner.hold.userId === userId;
    this.findings.expect(
      'hold-ends-once',
      isLive,
      () => `hold ${holdId} of seat ${seatId} ends, but it is not the one that holds it`,
      ref,
      ...refsOf(owner),
    );
    if (!isLive) return undefined;
    this.#owners.delete(key);
    return owner.hold;
  }

  #expire(fact: Fact<'SeatHoldExpired'>): void {
    const hold = this.#endHold(fact);
    if (!hold) return;
    this.findings.expect(
      'hold-not-early',
      fact.at >= hold.expiresAt && fact.data.expiredAt === hold.expiresAt,
      () => `the hold of seat ${fact.data.seatId} expired at ${fact.at}, its deadline is ${hold.expiresAt}`,
      fact.ref,
      hold.ref,
    );
  }

  #reserve({ data, at, ref }: Fact<'SeatReserved'>): void {
    const { scheduleId, seatId, holdId, userId, orderId } = data;
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const hold = owner?.kind === 'held' ? owner.hold : undefined;
    const isOwn = hold !== undefined && hold.holdId === holdId && hold.userId === userId;
    this.findings.expect(
      'seat-single-owner',
      isOwn,
      () => `seat ${seatId} is reserved for ${userId} by hold ${holdId}, which does not hold it`,
      ref,
      ...refsOf(owner),
    );
    if (isOwn) this.#expectInTime(at, hold.expiresAt, seatId, ref, hold.ref);
    this.#owners.set(key, {
      kind: 'reserved',
      scheduleId,
      seatId,
      orderId,
      hold: isOwn ? hold : undefined,
      ref,
    });
  }

  #cancel({ data, ref }: Fact<'SeatReservationCancelled'>): void {
    const key = seatKey(data);
    const owner = this.#owners.get(key);
    const isOwn = owner?.kind === 'reserved' && owner.orderId === data.orderId;
    this.findings.expect(
      'seat-single-owner',
      isOwn,
      () => `order ${data.orderId} gives back seat ${data.seatId}, which it does not have`,
      ref,
      ...refsOf(owner),
    );
    if (isOwn) this.#owners.delete(key);
  }

  #expectInTime(at: Instant, deadline: Instant, seatId: SeatId, ...refs: readonly EventRef[]): void {
    this.findings.expect(
      'hold-in-time',
      at < addMs(deadline, this.options.clockToleranceMs),
      () => `seat ${seatId} was taken at ${at} under a hold that ended at ${deadline}`,
      ...refs,
    );
  }
}

function refsOf(owner: SeatOwner | undefined): EventRef[] {
  if (!owner) return [];
  return [owner.kind === 'held' ? owner.hold.ref : owner.ref];
}
