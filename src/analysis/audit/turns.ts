import {
  type HoldId,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../../events/ids.js';
import type { CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';

export interface RequestedHold {
  readonly scheduleId: ScheduleId;
  readonly expiresAt: Instant;
  readonly asked: readonly SeatId[];
  /** Seats asked for and not given back. */
  readonly outstanding: Set<SeatId>;
  /** A second run of its request may take its seats. */
  isRepeated: boolean;
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

/** Follows every turn from the request to its end. Other checks look turns up here. */
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
      if (turn) turn.expiresAt = data.expiresAt;
    },
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
}

function isLive(turn: Turn): boolean {
  return turn.status === 'waiting' || turn.status === 'entered';
}

/** Whether the turn is this fan's, at this performance. */
export function isOf(
  turn: Turn,
  { userId, performanceId }: Pick<TurnData, 'userId' | 'performanceId'>,
): boolean {
  return turn.userId === userId && turn.performanceId === performanceId;
}
