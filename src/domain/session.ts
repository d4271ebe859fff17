import { addMs, type Instant, type SessionId, type UserId } from '../events/ids.js';
import type { SessionEvent } from '../events/user-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/**
 * A refresh whose reply was lost may be repeated for this long. After it, a refresh token that was already
 * rotated away means that somebody else has it, and the session is closed (RFC 9700, section 4.14.2).
 */
export const refreshLeewayMs = 10_000;

type SessionState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'live';
      readonly sessionId: SessionId;
      readonly userId: UserId;
      readonly generation: number;
      readonly refreshedAt: Instant | undefined;
      readonly expiresAt: Instant;
    }
  | { readonly kind: 'ended' };

export type SessionCommand =
  | {
      readonly kind: 'start';
      readonly sessionId: SessionId;
      readonly userId: UserId;
      readonly expiresAt: Instant;
    }
  | { readonly kind: 'refresh'; readonly generation: number; readonly expiresAt: Instant }
  | { readonly kind: 'end' };

/** One log-in on one device. After a refresh the new state has the generation to sign. */
export const sessionDecider: Decider<SessionState, SessionCommand, SessionEvent> = {
  initialState: { kind: 'none' },

  decide(command, state, now) {
    if (command.kind === 'start') {
      const { sessionId, userId, expiresAt } = command;
      if (state.kind !== 'none') return accept();
      return accept({ type: 'SessionStarted', data: { sessionId, userId, expiresAt } });
    }
    if (state.kind !== 'live') return command.kind === 'end' ? accept() : ended;
    const { sessionId, userId } = state;
    if (command.kind === 'end') {
      return accept({ type: 'SessionEnded', data: { sessionId, userId, reason: 'logout' } });
    }
    if (now >= state.expiresAt) return ended;
    if (command.generation === state.generation) {
      const { expiresAt } = command;
      const generation = state.generation + 1;
      return accept({
        type: 'SessionRefreshed',
        data: { sessionId, userId, generation, refreshedAt: now, expiresAt },
      });
    }
    const isRepeat =
      command.generation === state.generation - 1 &&
      state.refreshedAt !== undefined &&
      now < addMs(state.refreshedAt, refreshLeewayMs);
    if (isRepeat) return accept();
    return accept({ type: 'SessionEnded', data: { sessionId, userId, reason: 'reuse' } });
  },

  evolve(_, event) {
    switch (event.type) {
      case 'SessionStarted':
        return { kind: 'live', ...event.data, generation: 0, refreshedAt: undefined };
      case 'SessionRefreshed':
        return { kind: 'live', ...event.data };
      case 'SessionEnded':
        return { kind: 'ended' };
      default:
        return assertNever(event);
    }
  },
};

const ended = reject('session-ended', 'This session has ended: log in again.');
