import { addMs, earlier, type Instant, type SessionId, type UserId } from '../events/ids.js';
import type { SessionEvent } from '../events/user-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/**
 * A refresh whose reply was lost may be repeated for this long. After it, a refresh token that was already
 * rotated away means that somebody else has it, and the session is closed (RFC 9700, section 4.14.2).
 */
export const refreshLeewayMs = 10_000;

export type SessionState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'live';
      readonly sessionId: SessionId;
      readonly userId: UserId;
      /** The user's epoch when it started: see `sessionHasEnded` in user.ts. */
      readonly epoch: number;
      readonly generation: number;
      readonly refreshedAt: Instant | undefined;
      readonly expiresAt: Instant;
      /** No refresh moves the end beyond this; null: the next refresh sets it. */
      readonly endsAt: Instant | null;
    }
  | { readonly kind: 'ended'; readonly userId: UserId };

export type SessionCommand =
  | {
      readonly kind: 'start';
      readonly sessionId: SessionId;
      readonly userId: UserId;
      readonly epoch: number;
      readonly expiresAt: Instant;
      readonly endsAt: Instant;
    }
  | {
      readonly kind: 'refresh';
      readonly generation: number;
      readonly expiresAt: Instant;
      /** For a session that has no end yet: one of an earlier release. */
      readonly endsAt: Instant;
    }
  | { readonly kind: 'end'; readonly reason: 'logout' | 'ended-elsewhere' };

/** One log-in on one device. After a refresh the new state has the generation to sign. */
export const sessionDecider: Decider<SessionState, SessionCommand, SessionEvent> = {
  initialState: { kind: 'none' },

  decide(command, state, now) {
    if (command.kind === 'start') {
      const { sessionId, userId, epoch, endsAt } = command;
      if (state.kind !== 'none') return accept();
      const expiresAt = earlier(command.expiresAt, endsAt);
      return accept({ type: 'SessionStarted', data: { sessionId, userId, epoch, expiresAt, endsAt } });
    }
    if (state.kind !== 'live') return command.kind === 'end' ? accept() : ended;
    const { sessionId, userId } = state;
    if (command.kind === 'end') {
      return accept({ type: 'SessionEnded', data: { sessionId, userId, reason: command.reason } });
    }
    if (now >= state.expiresAt) return ended;
    if (command.generation === state.generation) {
      const endsAt = state.endsAt ?? command.endsAt;
      const expiresAt = earlier(command.expiresAt, endsAt);
      const generation = state.generation + 1;
      return accept({
        type: 'SessionRefreshed',
        data: { sessionId, userId, generation, refreshedAt: now, expiresAt, endsAt },
      });
    }
    const isRepeat =
      command.generation === state.generation - 1 &&
      state.refreshedAt !== undefined &&
      now < addMs(state.refreshedAt, refreshLeewayMs);
    if (isRepeat) return accept();
    return accept({ type: 'SessionEnded', data: { sessionId, userId, reason: 'reuse' } });
  },

  evolve(state, event) {
    switch (event.type) {
      case 'SessionStarted':
        return { kind: 'live', ...event.data, generation: 0, refreshedAt: undefined };
      case 'SessionRefreshed':
        return { kind: 'live', epoch: state.kind === 'live' ? state.epoch : 0, ...event.data };
      case 'SessionEnded':
        return { kind: 'ended', userId: event.data.userId };
      default:
        return assertNever(event);
    }
  },
};

const ended = reject('session-ended', 'This session has ended: log in again.');
