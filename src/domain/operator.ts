import type { Instant, OperatorKeyId, OperatorName } from '../events/ids.js';
import type { OperatorEvent, OperatorRole } from '../events/operator-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/** Most keys that are valid at the same time. */
export const maxLiveOperatorKeys = 500;
/** Revoked keys that are remembered, newest last; older ones are unknown. */
const maxRevokedOperatorKeys = 100;

export interface OperatorKey {
  readonly keyId: OperatorKeyId;
  readonly operator: OperatorName;
  readonly role: OperatorRole;
  /** SHA-256, hex. */
  readonly keyHash: string;
  readonly issuedAt: Instant;
}

export interface RevokedOperatorKey extends OperatorKey {
  readonly revokedAt: Instant;
  readonly reason: string;
}

export interface OperatorKeysState {
  /** Valid keys by id, in the order of issue. */
  readonly live: ReadonlyMap<OperatorKeyId, OperatorKey>;
  /** The last ones that were revoked, in that order. */
  readonly revoked: ReadonlyMap<OperatorKeyId, RevokedOperatorKey>;
  /** An owner's key was issued once: from then on the key of the environment opens nothing, even if it was revoked. */
  readonly hasHadOwner: boolean;
}

export type OperatorCommand =
  | {
      readonly kind: 'issue';
      readonly keyId: OperatorKeyId;
      readonly operator: OperatorName;
      readonly role: OperatorRole;
      readonly keyHash: string;
    }
  | { readonly kind: 'revoke'; readonly keyId: OperatorKeyId; readonly reason: string };

/** The keys of all operators. Only the last owner's key cannot be revoked: nobody could issue another one. */
export const operatorDecider: Decider<OperatorKeysState, OperatorCommand, OperatorEvent> = {
  initialState: { live: new Map(), revoked: new Map(), hasHadOwner: false },

  decide(command, state, now) {
    switch (command.kind) {
      case 'issue': {
        const { kind: _, ...key } = command;
        if (state.live.has(key.keyId) || state.revoked.has(key.keyId)) return accept();
        if (state.live.size >= maxLiveOperatorKeys) {
          return reject(
            'too-many-operator-keys',
            `There are ${maxLiveOperatorKeys} operators’ keys: revoke those that nobody needs.`,
          );
        }
        return accept({ type: 'OperatorKeyIssued', data: { ...key, issuedAt: now } });
      }
      case 'revoke': {
        const { keyId, reason } = command;
        if (state.revoked.has(keyId)) return accept();
        const key = state.live.get(keyId);
        if (!key) return reject('operator-key-unknown', 'There is no valid key of this id: list the keys.');
        const isLastOwner = key.role === 'owner' && ownersOf(state) === 1;
        if (isLastOwner) {
          return reject('last-owner-key', 'This is the last owner’s key: issue another owner’s key first.');
        }
        return accept({
          type: 'OperatorKeyRevoked',
          data: { keyId, operator: key.operator, reason, revokedAt: now },
        });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'OperatorKeyIssued': {
        const live = new Map(state.live).set(event.data.keyId, event.data);
        return { ...state, live, hasHadOwner: state.hasHadOwner || event.data.role === 'owner' };
      }
      case 'OperatorKeyRevoked': {
        const { keyId, reason, revokedAt } = event.data;
        const key = state.live.get(keyId);
        if (!key) return state;
        const live = new Map(state.live);
        live.delete(keyId);
        const revoked = [...state.revoked, [keyId, { ...key, reason, revokedAt }] as const];
        return { ...state, live, revoked: new Map(revoked.slice(-maxRevokedOperatorKeys)) };
      }
      default:
        return assertNever(event);
    }
  },
};

function ownersOf({ live }: OperatorKeysState): number {
  return [...live.values()].filter(({ role }) => role === 'owner').length;
}
