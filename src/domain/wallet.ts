import type { ChargeId, OrderId, UserId } from '../events/ids.js';
import type { WalletEvent } from '../events/wallet-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/**
 * Balance beyond which no charge is begun, in points. Far below what an event can carry, so that charges
 * begun at the same moment can all still be credited.
 */
export const maxBalance = 100_000_000_000;

export interface WalletState {
  readonly balance: number;
  /** Charges already credited: a charge counts once. */
  readonly charges: ReadonlySet<ChargeId>;
  /** What each order took (0 for a free one), and whether it was given back: once each. */
  readonly orders: ReadonlyMap<
    OrderId,
    { readonly wasSpent: boolean; readonly spent: number; readonly refunded: boolean }
  >;
}

export type WalletCommand =
  | { readonly kind: 'credit'; readonly userId: UserId; readonly chargeId: ChargeId; readonly amount: number }
  | { readonly kind: 'spend'; readonly userId: UserId; readonly orderId: OrderId; readonly amount: number }
  /** Gives back what the order spent, if anything, and prevents it from spending later. */
  | { readonly kind: 'refund'; readonly userId: UserId; readonly orderId: OrderId };

/** A fan's points: never negative, each charge credited once, each order paid and refunded once. */
export const walletDecider: Decider<WalletState, WalletCommand, WalletEvent> = {
  initialState: { balance: 0, charges: new Set(), orders: new Map() },

  decide(command, state) {
    const { userId } = command;
    switch (command.kind) {
      case 'credit': {
        const { chargeId, amount } = command;
        if (state.charges.has(chargeId)) return accept();
        const balance = state.balance + amount;
        return accept({ type: 'PointsCharged', data: { userId, chargeId, amount, balance } });
      }
      case 'spend': {
        const { orderId, amount } = command;
        const order = state.orders.get(orderId);
        if (order?.refunded) return reject('insufficient-points', 'This order was closed: place a new one.');
        if (order) return accept();
        if (amount > state.balance) return insufficientPoints(amount, state.balance);
        const balance = state.balance - amount;
        return accept({ type: 'PointsSpent', data: { userId, orderId, amount, balance } });
      }
      case 'refund': {
        const { orderId } = command;
        const order = state.orders.get(orderId);
        if (order?.refunded) return accept();
        const amount = order?.spent ?? 0;
        const balance = state.balance + amount;
        return accept({ type: 'PointsRefunded', data: { userId, orderId, amount, balance } });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    const { balance } = event.data;
    switch (event.type) {
      case 'PointsCharged':
        return { ...state, balance, charges: new Set(state.charges).add(event.data.chargeId) };
      case 'PointsSpent': {
        const { orderId, amount } = event.data;
        return {
          ...state,
          balance,
          orders: new Map(state.orders).set(orderId, { wasSpent: true, spent: amount, refunded: false }),
        };
      }
      case 'PointsRefunded': {
        const { orderId, amount } = event.data;
        const wasSpent = state.orders.has(orderId);
        const order = { wasSpent, spent: amount, refunded: true };
        return { ...state, balance, orders: new Map(state.orders).set(orderId, order) };
      }
      default:
        return assertNever(event);
    }
  },
};

/** The refusal of a payment that exceeds the balance. Amounts in points. */
export function insufficientPoints(needed: number, balance: number) {
  return reject(
    'insufficient-points',
    `The order costs ${needed} points and the wallet holds ${balance}: charge ${needed - balance} more.`,
    { needed, balance },
  );
}
