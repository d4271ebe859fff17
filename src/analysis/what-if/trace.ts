import type { HoldId, ScheduleId, SeatId } from '../../events/ids.js';
import type { TokenEvent } from '../../events/queue-events.js';
import type { Fan, Intent, SeatWish, Turn, WaitedFor, Wish } from './demand.js';

/** One turn, as the log records it. Times in milliseconds since 1970. */
export interface Trace {
  readonly requestedAtMs: number;
  readonly numberOfTickets: number;
  readonly seatLimit: number;
  joined: { readonly number: number; readonly atMs: number } | undefined;
  entered: { readonly atMs: number; readonly admittedAtMs: number } | undefined;
  ended: TraceEnd | undefined;
  readonly holds: Map<HoldId, HoldTrace>;
}

export interface TraceEnd {
  readonly atMs: number;
  readonly how: 'left' | 'completed' | Extract<TokenEvent, { type: 'TokenExpired' }>['data']['reason'];
  /** At that moment fewer seats were free than the fan wanted. */
  readonly isSoldOut: boolean;
}

export interface HoldTrace {
  readonly atMs: number;
  readonly scheduleId: ScheduleId;
  readonly seatIds: readonly SeatId[];
  readonly request: Extract<TokenEvent, { type: 'SeatsRequested' }>['data']['request'];
  returned: { readonly atMs: number; readonly reason: ReturnReason } | undefined;
  /** When the fan last tried to pay for it. */
  orderedAtMs: number | undefined;
  paidAtMs: number | undefined;
  cancelledAtMs: number | undefined;
}
type ReturnReason = Extract<TokenEvent, { type: 'SeatsReturned' }>['data']['reason'];

/**
 * A fan's demand, derived from the trace.
 * @param place in the queue.
 * @param admittedAtMs undefined: not admitted.
 * @param endMs the end of the recording: fans still waiting then might have waited longer.
 */
export function fanOf(trace: Trace, place: number, admittedAtMs: number | undefined, endMs: number): Fan {
  const joinedAtMs = trace.joined?.atMs ?? trace.requestedAtMs;
  return {
    place,
    joinedAtMs,
    seatLimit: trace.seatLimit,
    waited: waitedFor(trace, joinedAtMs, admittedAtMs ?? endMs),
    turn: turnOf(trace, admittedAtMs),
  };
}

/** Whether the fan left while waiting. Leaving after admission does not show impatience. */
export function hasGivenUp({ ended, entered }: Trace, admittedAtMs: number | undefined): boolean {
  if (ended?.how !== 'left' || entered) return false;
  return admittedAtMs === undefined || ended.atMs < admittedAtMs;
}

/** Whether the recording ends before the turn does: the fan still waits or holds seats. */
export function isUnfinished({ ended, holds }: Trace, admittedAtMs: number | undefined): boolean {
  if (ended) return false;
  const isHolding = [...holds.values()].some((hold) => !hold.returned && hold.paidAtMs === undefined);
  return admittedAtMs === undefined || isHolding;
}

function waitedFor(trace: Trace, joinedAtMs: number, servedAtMs: number): WaitedFor {
  const { ended } = trace;
  if (ended && hasGivenUp(trace, servedAtMs)) return { ms: Math.max(0, ended.atMs - joinedAtMs), left: true };
  const untilMs = ended && !trace.entered ? Math.min(ended.atMs, servedAtMs) : servedAtMs;
  return { ms: Math.max(0, untilMs - joinedAtMs), left: false };
}

function turnOf(trace: Trace, admittedAtMs: number | undefined): Turn | undefined {
  const { entered, ended } = trace;
  if (!entered) {
    if (admittedAtMs === undefined || hasGivenUp(trace, admittedAtMs)) return undefined;
    // Admitted just before the recording ends: the outcome is unknown.
    return ended ? { kind: 'absent' } : undefined;
  }
  const wishes = wishesOf(trace, entered.atMs);
  const foundNothing = wishes.length === 0 && ended?.isSoldOut === true;
  return {
    kind: 'enters',
    afterMs: Math.max(0, entered.atMs - entered.admittedAtMs),
    wishes: foundNothing ? undefined : wishes,
    leavesAfterMs: ended?.how === 'left' ? ended.atMs - entered.atMs : null,
  };
}

/** Wishes in the order of their requests; races lost before a hold are its first options. */
function wishesOf({ holds }: Trace, enteredAtMs: number): Wish[] {
  const wishes: Wish[] = [];
  let lost: { atMs: number; options: SeatWish[] } | undefined;
  for (const hold of [...holds.values()].sort((a, b) => a.atMs - b.atMs)) {
    const begun = lost ?? { atMs: hold.atMs - enteredAtMs, options: [] };
    const options = [...begun.options, seatWishOf(hold)];
    const isLost = hold.returned?.reason === 'conflict' && hold.paidAtMs === undefined;
    lost = isLost ? { atMs: begun.atMs, options } : undefined;
    if (!isLost) wishes.push({ atMs: Math.max(0, begun.atMs), options, intent: intentOf(hold) });
  }
  if (lost) wishes.push({ ...lost, intent: undefined });
  return wishes;
}

function seatWishOf({ scheduleId, seatIds, request }: HoldTrace): SeatWish {
  if (request.kind === 'seats') return { scheduleId, kind: 'seats', seatIds };
  return { scheduleId, category: undefined, ...request };
}

function intentOf({ atMs, paidAtMs, orderedAtMs, cancelledAtMs, returned }: HoldTrace): Intent {
  const payAtMs = paidAtMs ?? orderedAtMs;
  if (payAtMs !== undefined) {
    const cancelAfterMs = cancelledAtMs === undefined ? null : cancelledAtMs - payAtMs;
    return { kind: 'pay', afterMs: payAtMs - atMs, cancelAfterMs };
  }
  if (returned?.reason === 'released') return { kind: 'release', afterMs: returned.atMs - atMs };
  return { kind: 'let-lapse' };
}
