import type { ChargeId, PaymentId, UserId } from '../events/ids.js';
import type {
  AttentionCause,
  ChargeEvent,
  FrozenRequest,
  SettlementOutcome,
} from '../events/wallet-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

interface Request {
  readonly chargeId: ChargeId;
  readonly userId: UserId;
  readonly amount: number;
  readonly paymentMethod: string;
  /** Absent in charges of older builds. */
  readonly payment?: FrozenRequest | undefined;
}

export type ChargeState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'requested' } & Request)
  /** The points are due. `settled`: because an operator decided so. */
  | ({ readonly kind: 'approved'; readonly settled: boolean } & Request)
  | ({ readonly kind: 'declined'; readonly reason: string; readonly settled: boolean } & Request)
  | ({
      readonly kind: 'needs-attention';
      readonly cause: AttentionCause;
      readonly reason: string;
    } & Request);

export type ChargeCommand =
  | ({ readonly kind: 'request' } & Request)
  | { readonly kind: 'approve'; readonly paymentId: PaymentId }
  | { readonly kind: 'decline'; readonly reason: string }
  /** Leaves the charge to an operator. */
  | {
      readonly kind: 'need-attention';
      readonly cause: AttentionCause;
      readonly reason: string;
      readonly paymentId?: PaymentId | undefined;
    }
  /** An operator's decision. */
  | { readonly kind: 'settle'; readonly outcome: SettlementOutcome; readonly reason: string };

/**
 * One attempt to buy points: the payment system's first final answer stands. A charge that it cannot answer for is left
 * to an operator; a final answer that comes before the operator's still counts.
 */
export const chargeDecider: Decider<ChargeState, ChargeCommand, ChargeEvent> = {
  initialState: { kind: 'none' },

  decide(command, state) {
    if (command.kind === 'request') {
      const { kind: _, ...data } = command;
      if (state.kind === 'none') return accept({ type: 'ChargeRequested', data });
      // The frozen request is not compared: a repetition after a change of the configuration is the same charge.
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
    const { chargeId, userId, amount } = state;
    const charge = { chargeId, userId, amount };
    switch (command.kind) {
      case 'approve':
        if (!isUndecided(state)) return accept();
        return accept({ type: 'ChargeApproved', data: { ...charge, paymentId: command.paymentId } });
      case 'decline':
        if (!isUndecided(state)) return accept();
        return accept({ type: 'ChargeDeclined', data: { ...charge, reason: command.reason } });
      case 'need-attention': {
        const { cause, reason, paymentId } = command;
        const isDue = cause === 'wallet-closed' ? state.kind === 'approved' : state.kind === 'requested';
        if (!isDue) return accept();
        const payment = paymentId === undefined ? {} : { paymentId };
        return accept({ type: 'ChargeNeedsAttention', data: { ...charge, cause, reason, ...payment } });
      }
      case 'settle': {
        const { outcome, reason } = command;
        if (state.kind === 'needs-attention')
          return accept({ type: 'ChargeSettled', data: { ...charge, outcome, reason } });
        if (settlementOf(state) === outcome) return accept();
        return notSettleable(state);
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'ChargeRequested') return { kind: 'requested', ...event.data };
    if (state.kind === 'none') return state;
    const { chargeId, userId, amount, paymentMethod, payment } = state;
    const charge = { chargeId, userId, amount, paymentMethod, payment };
    switch (event.type) {
      case 'ChargeApproved':
        return { ...charge, kind: 'approved', settled: false };
      case 'ChargeDeclined':
        return { ...charge, kind: 'declined', reason: event.data.reason, settled: false };
      case 'ChargeNeedsAttention': {
        const { cause, reason } = event.data;
        return { ...charge, kind: 'needs-attention', cause, reason };
      }
      case 'ChargeSettled': {
        const { outcome, reason } = event.data;
        return outcome === 'credited'
          ? { ...charge, kind: 'approved', settled: true }
          : { ...charge, kind: 'declined', reason, settled: true };
      }
      default:
        return assertNever(event);
    }
  },
};

/** Whether a final answer of the payment system still decides the charge. */
function isUndecided(state: ChargeState): boolean {
  return (
    state.kind === 'requested' || (state.kind === 'needs-attention' && state.cause === 'payment-unclear')
  );
}

function settlementOf(state: ChargeState): SettlementOutcome | undefined {
  if (state.kind === 'approved' && state.settled) return 'credited';
  return state.kind === 'declined' && state.settled ? 'rejected' : undefined;
}

function notSettleable({ kind }: ChargeState) {
  return reject(
    'charge-not-settleable',
    kind === 'requested'
      ? 'The payment system is still being asked about this charge: wait until it needs attention.'
      : `This charge is ${kind} already: only a charge that needs attention can be settled.`,
  );
}
