import { addMs, type Instant, type PerformanceId } from '../../events/ids.js';
import type { CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { seatKey } from './seats.js';
import type { Turns } from './turns.js';

/** Seats come back together once in this time, ms. */
const batchMs = 1_000;

/** Who has, or had last, a seat on one date. */
interface Owned {
  /** As its hold drew it; 0: the seat is free at once. */
  readonly delayMs: number;
  readonly ref: EventRef;
  /** When others may hold it; undefined: it is owned, or free. */
  from: Instant | undefined;
}

/**
 * Checks that seats which are given back or lapse come on sale again when their hold said, so that none can be handed to a
 * chosen account.
 */
export class SeatReturns implements CheckGroup {
  readonly #seats = new Map<string, Owned>();
  /** The longest time that the rules of a performance ever allowed, ms. */
  readonly #windows = new Map<PerformanceId, number>();

  constructor(
    private readonly findings: Findings,
    private readonly turns: Turns,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data }) => {
      const known = this.#windows.get(data.performanceId) ?? 0;
      this.#windows.set(data.performanceId, Math.max(known, data.sales.seatReturnWindowMs ?? 0));
    },
    SeatHeld: (fact) => this.#hold(fact),
    SeatHoldReleased: (fact) => {
      const { reason } = fact.data;
      // The hold's own request lost another seat, or the seat is not on sale any more.
      const isAtOnce = reason !== 'released' && reason !== 'order-failed';
      this.#free(fact, fact.at, isAtOnce);
    },
    SeatHoldExpired: (fact) => this.#free(fact, fact.data.expiredAt, false),
    SeatReservationCancelled: (fact) => this.#free(fact, fact.at, false),
  };

  #hold({ data, at, ref }: Fact<'SeatHeld'>): void {
    const key = seatKey(data);
    const before = this.#seats.get(key);
    this.findings.expect(
      'seat-return-waits',
      before?.from === undefined || at >= before.from,
      () => `seat ${data.seatId} is held at ${at}, it comes on sale again at ${before?.from}`,
      ref,
      ...(before ? [before.ref] : []),
    );
    const delayMs = data.returnDelayMs ?? 0;
    const performanceId = this.turns.performanceOf(data.scheduleId);
    const windowMs = performanceId === undefined ? undefined : this.#windows.get(performanceId);
    this.findings.expect(
      'seat-return-moment',
      windowMs === undefined || delayMs <= windowMs,
      () => `seat ${data.seatId} comes back ${delayMs} ms after its hold, the rules allow ${windowMs}`,
      ref,
    );
    if (delayMs > 0) this.#seats.set(key, { delayMs, ref, from: undefined });
    else this.#seats.delete(key);
  }

  #free(
    { data, ref }: Fact<'SeatHoldReleased' | 'SeatHoldExpired' | 'SeatReservationCancelled'>,
    end: Instant,
    isAtOnce: boolean,
  ): void {
    const owned = this.#seats.get(seatKey(data));
    const delayMs = isAtOnce ? 0 : (owned?.delayMs ?? 0);
    const { availableFrom: from } = data;
    const earliest = addMs(end, delayMs);
    const isRight =
      delayMs === 0
        ? from === undefined
        : from !== undefined && from >= earliest && from < addMs(earliest, batchMs) && isBatch(from);
    this.findings.expect(
      'seat-return-moment',
      isRight,
      () => `seat ${data.seatId} comes on sale again at ${from ?? 'once'}, its hold ended at ${end}`,
      ref,
      ...(owned ? [owned.ref] : []),
    );
    if (from === undefined) this.#seats.delete(seatKey(data));
    else this.#seats.set(seatKey(data), { delayMs: 0, ref, from });
  }
}

function isBatch(moment: Instant): boolean {
  return Date.parse(moment) % batchMs === 0;
}
