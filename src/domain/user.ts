import type { SessionId, UserId } from '../events/ids.js';
import type { LoginEvent, UserEvent } from '../events/user-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/** Which of a user's sessions have been ended together: see {@link sessionHasEnded}. */
export interface SessionEpoch {
  /** How often; a session carries the epoch in which it started. */
  readonly epoch: number;
  /** The one that was kept the last time. */
  readonly keptSessionId: SessionId | undefined;
}

/** A session with the epoch in which it started. */
export interface SessionOfEpoch {
  readonly sessionId: SessionId;
  readonly epoch: number;
}

/** Whether a session was ended together with the user's others. */
export function sessionHasEnded(sessions: SessionEpoch, session: SessionOfEpoch): boolean {
  return session.epoch < sessions.epoch && session.sessionId !== sessions.keptSessionId;
}

export type UserState =
  | { readonly kind: 'none' }
  /** Without names: no decision needs them, and states are cached in memory. */
  | {
      readonly kind: 'registered';
      readonly userId: UserId;
      readonly passwordHash: string;
      readonly sessions: SessionEpoch;
    }
  | { readonly kind: 'erased' };

export type UserCommand =
  | {
      readonly kind: 'register';
      readonly userId: UserId;
      readonly loginId: string;
      readonly username: string;
      readonly name: string;
      readonly passwordHash: string;
    }
  | {
      readonly kind: 'change-password';
      readonly passwordHash: string;
      /** The hash that the current password was checked against. */
      readonly verifiedHash: string;
      /** The session that asks goes on, all others end. */
      readonly session: SessionOfEpoch;
    }
  | {
      /** Ends all sessions but the one that asks. */
      readonly kind: 'end-other-sessions';
      readonly session: SessionOfEpoch;
      /** The user's epoch when the command was given: a repetition must not end what has started since. */
      readonly seenEpoch: number;
    }
  | { readonly kind: 'erase' };

/** One person's account. */
export const userDecider: Decider<UserState, UserCommand, UserEvent> = {
  initialState: { kind: 'none' },

  decide(command, state) {
    if (command.kind === 'register') {
      const { kind: _, ...data } = command;
      if (state.kind === 'none') return accept({ type: 'UserRegistered', data });
      return reject('login-id-taken', 'This login id is taken: choose another one.');
    }
    if (state.kind !== 'registered') return reject('user-unknown', 'There is no such user.');
    const { userId, sessions } = state;
    const endOthers = (keptSessionId: SessionId, reason: 'password-changed' | 'ended-elsewhere') => ({
      type: 'SessionsEnded' as const,
      data: { userId, epoch: sessions.epoch + 1, keptSessionId, reason },
    });
    switch (command.kind) {
      case 'change-password':
        if (command.passwordHash === state.passwordHash) return accept();
        if (command.verifiedHash !== state.passwordHash) {
          const message =
            'The password was changed at the same moment: log in with the new one and try again.';
          return reject('invalid-credentials', message);
        }
        if (sessionHasEnded(sessions, command.session)) return endedBefore;
        return accept<UserEvent>(
          { type: 'PasswordChanged', data: { userId, passwordHash: command.passwordHash } },
          endOthers(command.session.sessionId, 'password-changed'),
        );
      case 'end-other-sessions':
        // One that was itself ended must not come back by ending the others.
        if (sessionHasEnded(sessions, command.session)) return endedBefore;
        if (sessions.epoch > command.seenEpoch && sessions.keptSessionId === command.session.sessionId)
          return accept();
        return accept(endOthers(command.session.sessionId, 'ended-elsewhere'));
      case 'erase':
        return accept({ type: 'UserErased', data: { userId } });
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'UserRegistered': {
        const { userId, passwordHash } = event.data;
        return { kind: 'registered', userId, passwordHash, sessions: noneEnded };
      }
      case 'PasswordChanged':
        return state.kind === 'registered' ? { ...state, passwordHash: event.data.passwordHash } : state;
      case 'SessionsEnded': {
        const { epoch, keptSessionId } = event.data;
        return state.kind === 'registered' ? { ...state, sessions: { epoch, keptSessionId } } : state;
      }
      case 'UserErased':
        return { kind: 'erased' };
      default:
        return assertNever(event);
    }
  },
};

const noneEnded: SessionEpoch = { epoch: 0, keptSessionId: undefined };
const endedBefore = reject('session-ended', 'This session has ended: log in again.');

/** The owner of a login id, once it is claimed. */
interface LoginState {
  readonly userId: UserId | undefined;
}

/** A login id belongs to the first user who claims it. */
export const loginDecider: Decider<LoginState, { readonly userId: UserId }, LoginEvent> = {
  initialState: { userId: undefined },

  decide(command, state) {
    if (state.userId === undefined) return accept({ type: 'LoginClaimed', data: { userId: command.userId } });
    if (state.userId === command.userId) return accept();
    return reject('login-id-taken', 'This login id is taken: choose another one.');
  },

  evolve: (_, event) => ({ userId: event.data.userId }),
};
