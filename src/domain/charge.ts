import type { ChargeId, PaymentId, UserId } from '../events/ids.js';
import type { ChargeEvent } from '../events/wallet-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

interface Request {
  readonly chargeId: ChargeId;
  readonly userId: UserId;
  readonly amount: number;
  readonly paymentMethod: string;
}

export type ChargeState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'requested' } & Request)
  | ({ readonly kind: 'approved'; readonly paymentId: PaymentId } & Request)
  | ({ readonly kind: 'declined'; readonly reason: string } & Request);

export type ChargeCommand =
  | ({ readonly kind: 'request' } & Request)
  | { readonly kind: 'approve'; readonly paymentId: PaymentId }
  | { readonly kind: 'decline'; readonly reason: string };

/** One attempt to buy points: the payment system's first final answer stands. */
export const chargeDecider: Decider<ChargeState, ChargeCommand, ChargeEvent> = {
  initialState: { kind: 'none' },

  decide(command, state) {
    if (command.kind === 'request') {
      const { kind: _, ...data } = command;
      if (state.kind === 'none') return accept({ type: 'ChargeRequested', data });
      const isSame =
        state.userId === data.userId &&
        state.amount === data.amount &&
        state.paymentMethod === data.paymentMethod;
      if (isSame) return accept();
      return reject(
        'idempotency-key-reused',
        'This idempotency key belongs to another charge: use a new key.',
      );
    }
    if (state.kind === 'none') return reject('charge-unknown', 'There is no such charge.');
    if (state.kind !== 'requested') return accept();
    const { chargeId, userId, amount } = state;
    switch (command.kind) {
      case 'approve':
        return accept({
          type: 'ChargeApproved',
          data: { chargeId, userId, amount, paymentId: command.paymentId },
        });
      case 'decline':
        return accept({ type: 'ChargeDeclined', data: { chargeId, userId, amount, reason: command.reason } });
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'ChargeRequested') return { kind: 'requested', ...event.data };
    if (state.kind === 'none') return state;
    switch (event.type) {
      case 'ChargeApproved':
        return { ...state, kind: 'approved', paymentId: event.data.paymentId };
      case 'ChargeDeclined':
        return { ...state, kind: 'declined', reason: event.data.reason };
      default:
        return assertNever(event);
    }
  },
};
