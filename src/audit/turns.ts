import {
  addMs,
  type HoldId,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../events/ids.js';
import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';
import { type SeatOwners, seatKey } from './seat-owners.js';

export interface RequestedHold {
  readonly scheduleId: ScheduleId;
  readonly expiresAt: Instant;
  readonly asked: readonly SeatId[];
  /** Seats asked for and not given back. */
  readonly outstanding: Set<SeatId>;
}

/** One fan's turn at one performance. */
export interface Turn {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  readonly seatLimit: number;
  status: 'waiting' | 'entered' | 'completed' | 'expired' | 'left';
  /** The end of the time inside; undefined before entering. */
  expiresAt: Instant | undefined;
  readonly holds: Map<HoldId, RequestedHold>;
  /** The turn's last event. */
  ref: EventRef;
}

type TurnData = Fact<'TokenLeft'>['data'];

/** Follows every turn from the request to its end, and the seats it has. Other checks look turns up here. */
export class Turns implements CheckGroup {
  readonly #turns = new Map<TokenId, Turn>();
  /** The newest turn of a fan at a performance. */
  readonly #newest = new Map<string, Turn>();
  readonly #performanceOf = new Map<ScheduleId, PerformanceId>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SchedulePublished: ({ data }) => {
      this.#performanceOf.set(data.scheduleId, data.performanceId);
    },
    TokenRequested: (fact) => this.#request(fact),
    TokenEntered: ({ data, ref }) => {
      const turn = this.#move(data, ref, ['waiting'], 'entered');
      if (turn) turn.expiresAt = data.expiresAt;
    },
    SeatsRequested: (fact) => this.#requestSeats(fact),
    SeatsReturned: (fact) => this.#returnSeats(fact),
    TokenCompleted: ({ data, ref }) => void this.#move(data, ref, ['entered'], 'completed'),
    TokenLeft: ({ data, ref }) => void this.#move(data, ref, ['waiting', 'entered'], 'left'),
    TokenExpired: ({ data, at, ref }) => {
      const { reason } = data;
      const from = reason === 'time-used-up' ? 'entered' : 'waiting';
      const turn = this.#move(data, ref, [from], 'expired');
      if (reason !== 'time-used-up' || turn?.expiresAt === undefined) return;
      const { expiresAt } = turn;
      this.findings.expect(
        'turn-not-early',
        at >= expiresAt,
        () => `turn ${data.tokenId} ends at ${at} as used up, it lasts until ${expiresAt}`,
        ref,
      );
    },
  };

  get(tokenId: TokenId): Turn | undefined {
    return this.#turns.get(tokenId);
  }

  /** The performance of a published date. */
  performanceOf(scheduleId: ScheduleId): PerformanceId | undefined {
    return this.#performanceOf.get(scheduleId);
  }

  #request({ data, ref }: Fact<'TokenRequested'>): void {
    const { tokenId, userId, performanceId, seatLimit } = data;
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
      holds: new Map(),
      ref,
    };
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

  #requestSeats({ data, at, ref }: Fact<'SeatsRequested'>): void {
    const { tokenId, holdId, scheduleId, seatIds, expiresAt } = data;
    const turn = this.#turns.get(tokenId);
    const turnEnd = turn?.expiresAt;
    const isInside = turn?.status === 'entered' && isOf(turn, data) && turnEnd !== undefined;
    const isInTime = isInside && at < addMs(turnEnd, this.options.clockToleranceMs) && expiresAt <= turnEnd;
    const isItsPerformance = this.#performanceOf.get(scheduleId) === data.performanceId;
    this.findings.expect(
      'request-in-turn',
      isInTime && isItsPerformance && !turn?.holds.has(holdId),
      () =>
        `seats are requested at ${at} until ${expiresAt} in turn ${tokenId}, which is ${turn?.status ?? 'unknown'} until ${turnEnd}`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!turn) return;
    turn.holds.set(holdId, { scheduleId, expiresAt, asked: seatIds, outstanding: new Set(seatIds) });
    let seats = 0;
    for (const hold of turn.holds.values()) seats += hold.outstanding.size;
    this.findings.expect(
      'seat-limit-turn',
      seats <= turn.seatLimit,
      () => `turn ${tokenId} has ${seats} seats, allowed are ${turn.seatLimit}`,
      ref,
    );
  }

  #returnSeats({ data, ref }: Fact<'SeatsReturned'>): void {
    const { tokenId, holdId, seatIds } = data;
    const hold = this.#turns.get(tokenId)?.holds.get(holdId);
    for (const seatId of seatIds) {
      const owner = hold && this.owners.ownerOf(seatKey({ scheduleId: hold.scheduleId, seatId }));
      const isSold = owner?.kind === 'reserved' && owner.hold?.holdId === holdId;
      this.findings.expect(
        'return-after-free',
        hold?.outstanding.has(seatId) === true && !isSold,
        () =>
          `seat ${seatId} of hold ${holdId} stops counting for turn ${tokenId}, it is ${isSold ? 'sold' : 'not counted'}`,
        ref,
      );
      hold?.outstanding.delete(seatId);
    }
  }
}

function isLive(turn: Turn): boolean {
  return turn.status === 'waiting' || turn.status === 'entered';
}

function isOf(turn: Turn, { userId, performanceId }: Pick<TurnData, 'userId' | 'performanceId'>): boolean {
  return turn.userId === userId && turn.performanceId === performanceId;
}
