import {
  addMs,
  type HoldId,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../../events/ids.js';
import { maxCoolingSeats } from '../../events/queue-events.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { type HoldEnds, type SeatOwners, seatKey } from './seats.js';

interface RequestedHold {
  readonly scheduleId: ScheduleId;
  readonly expiresAt: Instant;
  readonly asked: readonly SeatId[];
  /** Seats asked for and not given back. */
  readonly outstanding: Set<SeatId>;
  /** A second run of its request may still take its seats. */
  isRepeated: boolean;
  /** The first way it ended without a payment. */
  unpaid: 'lapsed' | 'released' | undefined;
}

/** One fan's turn at one performance: a token from its request to its end. */
interface Turn {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  readonly seatLimit: number;
  status: 'waiting' | 'entered' | 'completed' | 'expired' | 'left';
  /** The end of the time inside; undefined before entering. */
  expiresAt: Instant | undefined;
  /** What it may do without paying, as stated when it was entered. */
  terms: NonNullable<Fact<'TokenEntered'>['data']['terms']>;
  /** Its end while it has no seats; undefined: none. */
  idleUntil: Instant | undefined;
  /** When the fan may ask for a seat again, by {@link seatKey}. */
  readonly cooling: Map<string, Instant>;
  readonly holds: Map<HoldId, RequestedHold>;
  /** The turn's last event. */
  ref: EventRef;
}

type TurnData = Fact<'TokenLeft'>['data'];

/** Tracks every turn from the request to its end. Other checks look turns up here. */
export class Turns implements CheckGroup {
  readonly #turns = new Map<TokenId, Turn>();
  /** The newest turn of a fan at a performance. */
  readonly #newest = new Map<string, Turn>();
  readonly #performanceOf = new Map<ScheduleId, PerformanceId>();

  constructor(private readonly findings: Findings) {}

  readonly on: Handlers = {
    SchedulePublished: ({ data }) => {
      this.#performanceOf.set(data.scheduleId, data.performanceId);
    },
    TokenRequested: (fact) => this.#request(fact),
    TokenEntered: ({ data, ref }) => {
      const turn = this.#move(data, ref, ['waiting'], 'entered');
      if (!turn) return;
      turn.expiresAt = data.expiresAt;
      turn.terms = data.terms ?? {};
      turn.idleUntil = data.idleUntil;
    },
    TokenCompleted: ({ data, ref }) => void this.#move(data, ref, ['entered'], 'completed'),
    TokenLeft: ({ data, ref }) => void this.#move(data, ref, ['waiting', 'entered'], 'left'),
    TokenExpired: (fact) => this.#expire(fact),
  };

  finish(): void {
    for (const turn of this.#turns.values()) {
      if (turn.status !== 'entered' || outstandingOf(turn) > 0) continue;
      this.findings.expect(
        'turn-ends-unpaid',
        !hasUsedUpHolds(turn),
        () => `turn ${turn.tokenId} goes on after too many holds without a payment`,
        turn.ref,
      );
    }
  }

  #expire({ data, at, ref }: Fact<'TokenExpired'>): void {
    const { tokenId, reason } = data;
    const isInside = reason === 'time-used-up' || reason === 'idle' || reason === 'unpaid-holds';
    const turn = this.#move(data, ref, [isInside ? 'entered' : 'waiting'], 'expired');
    if (!isInside || turn?.expiresAt === undefined) return;
    const { expiresAt, idleUntil } = turn;
    const hasNone = outstandingOf(turn) === 0;
    const isDue = {
      'time-used-up': at >= expiresAt,
      idle: hasNone && idleUntil !== undefined && at >= idleUntil,
      'unpaid-holds': hasNone && hasUsedUpHolds(turn),
    };
    this.findings.expect(
      'turn-not-early',
      isDue[reason],
      () => `turn ${tokenId} ends at ${at} (${reason}), it lasts until ${expiresAt}`,
      ref,
    );
  }

  get(tokenId: TokenId): Turn | undefined {
    return this.#turns.get(tokenId);
  }

  /** The performance of a published date. */
  performanceOf(scheduleId: ScheduleId): PerformanceId | undefined {
    return this.#performanceOf.get(scheduleId);
  }

  #request({ data, at, ref }: Fact<'TokenRequested'>): void {
    const { tokenId, userId, performanceId, seatLimit, cooling = [] } = data;
    const known = this.#turns.get(tokenId);
    this.findings.expect(
      'token-transition',
      known === undefined,
      () => `turn ${tokenId} is requested again`,
      ref,
    );
    const key = `${performanceId} ${userId}`;
    const before = this.#newest.get(key);
    this.findings.expect(
      'token-single-live',
      before === undefined || before === known || !isLive(before),
      () => `${userId} queues again while turn ${before?.tokenId} is ${before?.status}`,
      ref,
      ...(before ? [before.ref] : []),
    );
    const turn: Turn = {
      tokenId,
      userId,
      performanceId,
      seatLimit,
      status: 'waiting',
      expiresAt: undefined,
      terms: {},
      idleUntil: undefined,
      cooling: new Map(),
      holds: new Map(),
      ref,
    };
    for (const seat of cooling) turn.cooling.set(seatKey(seat), seat.until);
    for (const [seat, until] of before?.cooling ?? []) {
      this.findings.expect(
        'seat-cools-down',
        at >= until || turn.cooling.get(seat) === until || cooling.length >= maxCoolingSeats,
        () => `turn ${tokenId} does not say that seat ${seat} cools down until ${until}`,
        ref,
      );
    }
    this.#turns.set(tokenId, turn);
    this.#newest.set(key, turn);
  }

  #move(
    data: TurnData,
    ref: EventRef,
    from: readonly Turn['status'][],
    to: Turn['status'],
  ): Turn | undefined {
    const turn = this.#turns.get(data.tokenId);
    this.findings.expect(
      'token-transition',
      turn !== undefined && isOf(turn, data) && from.includes(turn.status),
      () => `turn ${data.tokenId} becomes ${to} while it is ${turn?.status ?? 'unknown'}`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!turn) return undefined;
    turn.status = to;
    turn.ref = ref;
    return turn;
  }
}

/** Seats that count against the turn's limit. */
function outstandingOf({ holds }: Turn): number {
  let seats = 0;
  for (const { outstanding } of holds.values()) seats += outstanding.size;
  return seats;
}

/** Whether as many of its holds ended without a payment as the turn may have. */
function hasUsedUpHolds({ terms, holds }: Turn): boolean {
  const ends = [...holds.values()].map(({ unpaid }) => unpaid);
  const count = (wanted: RequestedHold['unpaid']) => ends.filter((unpaid) => unpaid === wanted).length;
  const { maxLapsedHolds = Infinity, maxReleasedHolds = Infinity } = terms;
  return count('lapsed') >= maxLapsedHolds || count('released') >= maxReleasedHolds;
}

function isLive(turn: Turn): boolean {
  return turn.status === 'waiting' || turn.status === 'entered';
}

/** Whether the turn is this fan's, at this performance. */
function isOf(turn: Turn, { userId, performanceId }: Pick<TurnData, 'userId' | 'performanceId'>): boolean {
  return turn.userId === userId && turn.performanceId === performanceId;
}

/** Tracks the seats that each turn requests and gives back: they count against its limit in between. */
export class SeatRequests implements CheckGroup {
  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly ends: HoldEnds,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SeatsRequested: (fact) => this.#request(fact),
    SeatsRequestRepeated: (fact) => this.#repeat(fact),
    SeatsReturned: (fact) => this.#return(fact),
  };

  #request(fact: Fact<'SeatsRequested'>): void {
    const { data, at, ref } = fact;
    const { tokenId, holdId, scheduleId, seatIds, expiresAt } = data;
    const turn = this.turns.get(tokenId);
    const turnEnd = turn?.expiresAt;
    const isInside = turn?.status === 'entered' && isOf(turn, data) && turnEnd !== undefined;
    const isInTime = isInside && at < addMs(turnEnd, this.options.clockToleranceMs) && expiresAt <= turnEnd;
    const isItsPerformance = this.turns.performanceOf(scheduleId) === data.performanceId;
    this.findings.expect(
      'request-in-turn',
      isInTime && isItsPerformance && !turn?.holds.has(holdId),
      () =>
        `seats are requested at ${at} until ${expiresAt} in turn ${tokenId}, which is ${turn?.status ?? 'unknown'} until ${turnEnd}`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!turn) return;
    this.#expectPayer(turn, fact);
    const outstanding = new Set(seatIds);
    const hold = { scheduleId, expiresAt, asked: seatIds, outstanding, isRepeated: false, unpaid: undefined };
    turn.holds.set(holdId, hold);
    const seats = outstandingOf(turn);
    this.findings.expect(
      'seat-limit-turn',
      seats <= turn.seatLimit,
      () => `turn ${tokenId} has ${seats} seats, allowed are ${turn.seatLimit}`,
      ref,
    );
  }

  /** The turn may still ask for these seats, after what its fan did not pay for. */
  #expectPayer(turn: Turn, { data, at, ref }: Fact<'SeatsRequested'>): void {
    this.findings.expect(
      'turn-ends-unpaid',
      !hasUsedUpHolds(turn),
      () => `turn ${turn.tokenId} asks for seats after too many holds without a payment`,
      ref,
    );
    const { idleUntil } = turn;
    const isIdle = idleUntil !== undefined && at >= idleUntil && outstandingOf(turn) === 0;
    this.findings.expect(
      'turn-ends-idle',
      !isIdle,
      () => `turn ${turn.tokenId} asks for seats at ${at}, it was to end at ${idleUntil}`,
      ref,
    );
    for (const seatId of data.seatIds) {
      const until = turn.cooling.get(seatKey({ scheduleId: data.scheduleId, seatId }));
      this.findings.expect(
        'seat-cools-down',
        until === undefined || at >= until,
        () => `turn ${turn.tokenId} asks for seat ${seatId} at ${at}, it cools down until ${until}`,
        ref,
      );
    }
  }

  #repeat({ data, ref }: Fact<'SeatsRequestRepeated'>): void {
    const turn = this.turns.get(data.tokenId);
    const hold = turn && isOf(turn, data) ? turn.holds.get(data.holdId) : undefined;
    const isWhole = hold !== undefined && hold.outstanding.size === hold.asked.length;
    this.findings.expect(
      'request-repeated',
      isWhole && !hold.isRepeated,
      () =>
        `a second run of the request of hold ${data.holdId} is recorded, which turn ${data.tokenId} does not have, has partly given back, or has recorded before`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (hold) hold.isRepeated = true;
  }

  #return({ data, ref }: Fact<'SeatsReturned'>): void {
    const { tokenId, holdId, seatIds, reason, coolUntil, idleUntil } = data;
    const turn = this.turns.get(tokenId);
    const hold = turn?.holds.get(holdId);
    if (turn && idleUntil !== undefined) turn.idleUntil = idleUntil;
    if (turn && hold && coolUntil !== undefined) {
      const { scheduleId } = hold;
      for (const seatId of seatIds) turn.cooling.set(seatKey({ scheduleId, seatId }), coolUntil);
    }
    if (hold && reason === 'expired') hold.unpaid ??= 'lapsed';
    if (hold && reason === 'released') hold.unpaid ??= 'released';
    for (const seatId of seatIds) {
      const key = hold && seatKey({ scheduleId: hold.scheduleId, seatId });
      const owner = key === undefined ? undefined : this.owners.ownerOf(key);
      const isTheirs = owner?.hold?.holdId === holdId;
      const isSold = isTheirs && owner?.kind === 'reserved';
      this.findings.expect(
        'return-after-free',
        hold?.outstanding.has(seatId) === true && !isSold,
        () =>
          `seat ${seatId} of hold ${holdId} stops counting for turn ${tokenId}, it is ${isSold ? 'sold' : 'not counted'}`,
        ref,
      );
      const isOver = key !== undefined && this.ends.isOver(key, holdId);
      // A request that runs only once stops at its first lost seat: it never takes the seats it returns then.
      const isNeverTaken = reason === 'conflict' && hold?.isRepeated === false && !isTheirs;
      this.findings.expect(
        'return-after-end',
        isOver || isNeverTaken,
        () =>
          `seat ${seatId} stops counting for turn ${tokenId}, and hold ${holdId} has it or may get it yet`,
        ref,
      );
      hold?.outstanding.delete(seatId);
    }
  }
}

/** A seat that is held although its turn no longer counts it. */
interface Stray {
  readonly holdId: HoldId;
  readonly at: Instant;
  readonly ref: EventRef;
}

interface SeatOfFan {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly userId: UserId;
}

/**
 * Compares seats with turns: a seat is held only by a fan who requested it in a turn, within the limits.
 * A late request may take a seat after its turn has ended; it then has to give the seat back.
 */
export class SeatLimits implements CheckGroup {
  /** The highest limit a performance ever had: fans keep the seats they bought when it is lowered. */
  readonly #limits = new Map<PerformanceId, number>();
  readonly #seatsOf = new Map<string, number>();
  readonly #strays = new Map<string, Stray>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data }) => {
      const known = this.#limits.get(data.performanceId) ?? 0;
      this.#limits.set(data.performanceId, Math.max(known, data.sales.seatLimitPerUser));
    },
    SeatHeld: (fact) => {
      if (this.#expectRequested(fact)) this.#expectAllowed(fact);
      else this.#strays.set(seatKey(fact.data), { holdId: fact.data.holdId, at: fact.at, ref: fact.ref });
    },
    SeatsReturned: (fact) => this.#uncount(fact),
    SeatHoldReleased: ({ data }) => this.#free(data),
    SeatHoldExpired: ({ data }) => this.#free(data),
    SeatReserved: ({ data, ref }) => {
      const stray = this.#strays.get(seatKey(data));
      if (stray) this.#expectStrayToEnd(false, data.seatId, stray, ref);
    },
    SeatReservationCancelled: ({ data }) => this.#free(data),
  };

  finish(now: Instant): void {
    for (const [key, stray] of this.#strays) {
      this.#expectStrayToEnd(now <= addMs(stray.at, this.options.settleMs), key, stray);
    }
  }

  /** @returns whether the seat counts for its turn. */
  #expectRequested({ data, ref }: Fact<'SeatHeld'>): boolean {
    const turn = this.turns.get(data.tokenId);
    const hold = turn?.holds.get(data.holdId);
    const isSame =
      turn?.userId === data.userId &&
      hold?.scheduleId === data.scheduleId &&
      hold.expiresAt === data.expiresAt &&
      hold.asked.includes(data.seatId);
    this.findings.expect(
      'hold-requested',
      isSame,
      () =>
        `seat ${data.seatId} is held by hold ${data.holdId}, which turn ${data.tokenId} (${turn?.status ?? 'unknown'}) did not request so`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!isSame) return true; // one finding is enough
    this.findings.expect(
      'return-is-final',
      hold.outstanding.has(data.seatId),
      () =>
        `seat ${data.seatId} is held by hold ${data.holdId} after it stopped counting for turn ${data.tokenId}`,
      ref,
      turn.ref,
    );
    // A turn may run out while its seats are being taken: the check of the hold's deadline covers that.
    const isInside = turn.status === 'entered' || turn.status === 'expired';
    return isInside && hold.outstanding.has(data.seatId);
  }

  #expectAllowed({ data, ref }: Fact<'SeatHeld'>): void {
    const performanceId = this.turns.performanceOf(data.scheduleId);
    const limit = performanceId === undefined ? undefined : this.#limits.get(performanceId);
    const seats = this.#count(data, 1);
    if (limit === undefined) return; // 'catalog-reference' reports an unpublished date
    this.findings.expect(
      'seat-limit-user',
      seats <= limit,
      () => `${data.userId} has ${seats} seats of performance ${performanceId}, allowed are ${limit}`,
      ref,
    );
  }

  #expectStrayToEnd(holds: boolean, seat: string, stray: Stray, ...refs: readonly EventRef[]): void {
    this.findings.expect(
      'stray-hold-ends',
      holds,
      () => `seat ${seat} is held by hold ${stray.holdId} since ${stray.at}, and its turn does not count it`,
      ...refs,
      stray.ref,
    );
  }

  /** Returned seats that are still held no longer count. */
  #uncount({ data, at, ref }: Fact<'SeatsReturned'>): void {
    const hold = this.turns.get(data.tokenId)?.holds.get(data.holdId);
    if (!hold) return;
    for (const seatId of data.seatIds) {
      const seat = { scheduleId: hold.scheduleId, seatId, userId: data.userId };
      const key = seatKey(seat);
      const owner = this.owners.ownerOf(key);
      if (owner?.kind !== 'held' || owner.hold.holdId !== data.holdId || this.#strays.has(key)) continue;
      this.#count(seat, -1);
      this.#strays.set(key, { holdId: data.holdId, at, ref });
    }
  }

  #free(seat: SeatOfFan): void {
    if (!this.#strays.delete(seatKey(seat))) this.#count(seat, -1);
  }

  /** Counts seats of a fan at a performance. @returns the new count. */
  #count({ scheduleId, userId }: Pick<SeatOfFan, 'scheduleId' | 'userId'>, change: number): number {
    const key = `${this.turns.performanceOf(scheduleId) ?? scheduleId} ${userId}`;
    const seats = (this.#seatsOf.get(key) ?? 0) + change;
    if (seats > 0) this.#seatsOf.set(key, seats);
    else this.#seatsOf.delete(key);
    return seats;
  }
}
