import type { UserId } from '../events/ids.js';
import type { LoginEvent, UserEvent } from '../events/user-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

type UserState =
  | { readonly kind: 'none' }
  /** Without names: no decision needs them, and states are cached in memory. */
  | { readonly kind: 'registered'; readonly userId: UserId; readonly passwordHash: string }
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
    const { userId } = state;
    switch (command.kind) {
      case 'change-password':
        if (command.passwordHash === state.passwordHash) return accept();
        if (command.verifiedHash !== state.passwordHash) {
          const message =
            'The password was changed at the same moment: log in with the new one and try again.';
          return reject('invalid-credentials', message);
        }
        return accept({ type: 'PasswordChanged', data: { userId, passwordHash: command.passwordHash } });
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
        return { kind: 'registered', userId, passwordHash };
      }
      case 'PasswordChanged':
        return state.kind === 'registered' ? { ...state, passwordHash: event.data.passwordHash } : state;
      case 'UserErased':
        return { kind: 'erased' };
      default:
        return assertNever(event);
    }
  },
};

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
