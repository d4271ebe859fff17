import type { Instant } from '../../events/ids.js';
import type { TokenEvent } from '../../events/queue-events.js';
import { accept, assertNever, type Decider, type Decision, reject } from '../decider.js';
import { decideEnter, decideRepeat, decideRequestSeats, decideReturn } from './seat-request.js';
import {
  type ExistingToken,
  outstandingSeats,
  ownerOf,
  type TokenCommand,
  type TokenState,
} from './token-state.js';

/** One fan's turn: waits, enters, asks for seats within a limit, and ends once. */
export const tokenDecider: Decider<TokenState, TokenCommand, TokenEvent> = {
  initial: { kind: 'none' },

  decide(command, state, now) {
    if (command.kind === 'request') {
      const { kind: _, ...data } = command;
      return state.kind === 'none' ? accept({ type: 'TokenRequested', data }) : accept();
    }
    if (state.kind === 'none') return reject('token-unknown', 'Join the queue of this performance first.');
    switch (command.kind) {
      case 'enter':
        return decideEnter(command.admission, state, now);
      case 'request-seats':
        return decideRequestSeats(command, state, now);
      case 'repeat-request':
        return decideRepeat(command, state, now);
      case 'return-seats':
        return decideReturn(command, state);
      case 'complete':
        if (state.kind === 'ended') return accept();
        return accept({ type: 'TokenCompleted', data: { ...ownerOf(state), orderId: command.orderId } });
      case 'expire':
        return decideExpire(command, state, now);
      case 'leave': {
        if (state.kind === 'ended') return accept();
        if (outstandingSeats(state) > 0) {
          return reject('hold-in-progress', 'Seats are being held for you right now: try again in a moment.');
        }
        return accept({ type: 'TokenLeft', data: ownerOf(state) });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'TokenRequested') return { kind: 'waiting', ...event.data, holds: new Map() };
    if (state.kind === 'none') return state;
    switch (event.type) {
      case 'TokenEntered': {
        const { place, admittedAt, expiresAt } = event.data;
        return { ...state, kind: 'entered', place, admittedAt, expiresAt };
      }
      case 'SeatsRequested': {
        const { holdId, scheduleId, seatIds, request, expiresAt } = event.data;
        const asked = { scheduleId, seatIds, outstanding: seatIds, request, expiresAt };
        const hold = { ...asked, lostSeat: false, isRepeated: false };
        return { ...state, holds: new Map(state.holds).set(holdId, hold) };
      }
      case 'SeatsRequestRepeated': {
        const { holdId } = event.data;
        const hold = state.holds.get(holdId);
        if (!hold) return state;
        return { ...state, holds: new Map(state.holds).set(holdId, { ...hold, isRepeated: true }) };
      }
      case 'SeatsReturned': {
        const { holdId, seatIds, reason } = event.data;
        const hold = state.holds.get(holdId);
        if (!hold) return state;
        const outstanding = hold.outstanding.filter((seatId) => !seatIds.includes(seatId));
        const lostSeat = hold.lostSeat || reason === 'conflict';
        return { ...state, holds: new Map(state.holds).set(holdId, { ...hold, outstanding, lostSeat }) };
      }
      case 'TokenCompleted':
        return { ...state, kind: 'ended', end: { kind: 'completed', orderId: event.data.orderId } };
      case 'TokenExpired':
        return { ...state, kind: 'ended', end: { kind: 'expired', reason: event.data.reason } };
      case 'TokenLeft':
        return { ...state, kind: 'ended', end: { kind: 'left' } };
      default:
        return assertNever(event);
    }
  },
};

function decideExpire(
  command: Extract<TokenCommand, { kind: 'expire' }>,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const { reason, claimUntil } = command;
  const expired = accept<TokenEvent>({ type: 'TokenExpired', data: { ...ownerOf(state), reason } });
  switch (reason) {
    case 'claim-lapsed':
      return state.kind === 'waiting' && claimUntil !== undefined && now >= claimUntil ? expired : accept();
    case 'time-used-up':
      return state.kind === 'entered' && now >= state.expiresAt ? expired : accept();
    case 'queue-full':
    case 'sale-ended':
      return state.kind === 'waiting' ? expired : accept();
    default:
      return assertNever(reason);
  }
}
