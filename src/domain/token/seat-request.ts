import { addMs, earlier, type Instant } from '../../events/ids.js';
import type { TokenEvent } from '../../events/queue-events.js';
import { accept, type Decision, reject } from '../decider.js';
import {
  type Admission,
  type ExistingToken,
  isWhole,
  maxHoldsPerToken,
  outstandingSeats,
  ownerOf,
  type TokenCommand,
  type TokenHold,
} from './token-state.js';

type RequestSeats = Extract<TokenCommand, { kind: 'request-seats' }>;

/** Steps in when it is the fan's turn and its time to enter is not over. */
export function decideEnter(
  admission: Admission | undefined,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  if (state.kind === 'ended') return tokenEnded;
  if (state.kind === 'entered') return now < state.expiresAt ? accept() : tokenEnded;
  if (!admission) return reject('token-waiting', 'It is not your turn yet: wait in the queue.');
  if (now >= admission.claimUntil) return tokenEnded;
  const { place, admittedAt, serviceWindowMs } = admission;
  const expiresAt = addMs(now, serviceWindowMs);
  return accept({ type: 'TokenEntered', data: { ...ownerOf(state), place, admittedAt, expiresAt } });
}

/** Claims seats against the fan's limit; the first claim enters. */
export function decideRequestSeats(
  command: RequestSeats,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const { holdId, scheduleId, seatIds, request, holdTtlMs, admission } = command;
  const known = state.holds.get(holdId);
  if (known) return decideRepeatedRequest(command, known, now);
  const entering = decideEnter(admission, state, now);
  if (entering.kind === 'rejected') return entering;
  const asked = outstandingSeats(state) + seatIds.length;
  if (asked > state.seatLimit) {
    return reject(
      'seat-limit-reached',
      `You may have ${state.seatLimit} seats here: choose fewer, or release some.`,
      {
        seatLimit: state.seatLimit,
        asked,
      },
    );
  }
  if (state.holds.size >= maxHoldsPerToken) {
    return reject(
      'seat-limit-reached',
      `You have held seats ${maxHoldsPerToken} times: pay for what you hold.`,
    );
  }
  const entered = entering.events.find((event) => event.type === 'TokenEntered');
  const turnEndsAt = entered?.data.expiresAt ?? (state.kind === 'entered' ? state.expiresAt : now);
  const expiresAt = earlier(addMs(now, holdTtlMs), turnEndsAt);
  return accept(...entering.events, {
    type: 'SeatsRequested',
    data: { ...ownerOf(state), holdId, scheduleId, seatIds: [...seatIds], request, expiresAt },
  });
}

/** The same hold id again: a retry of the same request goes on, anything else is refused. */
function decideRepeatedRequest(command: RequestSeats, hold: TokenHold, now: Instant): Decision<TokenEvent> {
  if (!isSameSeatRequest(command, hold)) {
    return reject('idempotency-key-reused', 'This idempotency key belongs to another hold: use a new key.');
  }
  return isWhole(hold) && now < hold.expiresAt ? accept() : holdEnded;
}

/** Another run of the request makes itself known before it takes a seat. */
export function decideRepeat(
  { holdId }: Extract<TokenCommand, { kind: 'repeat-request' }>,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const hold = state.holds.get(holdId);
  if (!hold || !isWhole(hold) || now >= hold.expiresAt) return holdEnded;
  if (hold.isRepeated) return accept();
  return accept({ type: 'SeatsRequestRepeated', data: { ...ownerOf(state), holdId } });
}

/**
 * Gives seats back to the fan's limit. Nobody may take one under the hold afterwards: either the seats themselves see
 * to that, or the one request that could have taken them has stopped.
 */
export function decideReturn(
  { holdId, reason, isBarred, ...command }: Extract<TokenCommand, { kind: 'return-seats' }>,
  state: ExistingToken,
): Decision<TokenEvent> {
  const hold = state.holds.get(holdId);
  const seatIds = command.seatIds.filter((seatId) => hold?.outstanding.includes(seatId));
  if (seatIds.length === 0) return accept();
  if (hold?.isRepeated && !isBarred) {
    return reject('hold-in-progress', 'These seats are being held right now: try again in a moment.');
  }
  return accept({ type: 'SeatsReturned', data: { ...ownerOf(state), holdId, seatIds, reason } });
}

/** Whether a request asks for what `hold` was made for. */
export function isSameSeatRequest(
  request: Pick<RequestSeats, 'scheduleId' | 'request' | 'seatIds'>,
  hold: TokenHold,
): boolean {
  if (request.scheduleId !== hold.scheduleId) return false;
  const asked = request.request;
  if (asked.kind === 'best-available') {
    return (
      hold.request.kind === 'best-available' &&
      hold.request.quantity === asked.quantity &&
      hold.request.category === asked.category
    );
  }
  return (
    hold.request.kind === 'seats' &&
    hold.seatIds.length === request.seatIds.length &&
    hold.seatIds.every((seatId) => request.seatIds.includes(seatId))
  );
}

const holdEnded = reject(
  'hold-ended',
  'This hold has ended: hold the seats again with a new idempotency key.',
);

const tokenEnded = reject('token-ended', 'Your turn has ended: join the queue again.');
