import { Map as ImmutableMap, Set as ImmutableSet } from 'immutable';
import type { ChargeId, OrderId, RefundId, UserId } from '../events/ids.js';
import type { WalletEvent } from '../events/wallet-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

/**
 * Balance beyond which no charge is begun, in points. Far below what an event can carry, so that charges
 * begun at the same moment can all still be credited.
 */
export const maxBalance = 100_000_000_000;

/** What one order did to a wallet. Amounts in points. */
interface OrderPoints {
  readonly wasSpent: boolean;
  /** 0 for a free order. */
  readonly spent: number;
  /** Given back so far: never more than `spent`. */
  readonly refunded: number;
  /** Refunds of single seats that were made: each once. */
  readonly refundIds: readonly RefundId[];
  /** All of it was given back: the order can neither spend nor be refunded any more. */
  readonly isClosed: boolean;
}

const nothingSpent: OrderPoints = {
  wasSpent: false,
  spent: 0,
  refunded: 0,
  refundIds: [],
  isClosed: false,
};

/** Persistent collections: an event adds to them in logarithmic time, so that a fold takes time in proportion to its events. */
export interface WalletState {
  readonly balance: number;
  /** Charges already credited: a charge counts once. */
  readonly charges: ImmutableSet<ChargeId>;
  /** What each order took and got back. */
  readonly orders: ImmutableMap<OrderId, OrderPoints>;
  /** The owner is erased: no charge is credited and no order spends any more. */
  readonly isClosed: boolean;
}

export type WalletCommand =
  | { readonly kind: 'credit'; readonly userId: UserId; readonly chargeId: ChargeId; readonly amount: number }
  | { readonly kind: 'spend'; readonly userId: UserId; readonly orderId: OrderId; readonly amount: number }
  /** Gives back what is left of the order's points, if anything, and prevents it from spending later. */
  | { readonly kind: 'refund'; readonly userId: UserId; readonly orderId: OrderId }
  /** Gives back the price of some of the order's seats, in points. */
  | {
      readonly kind: 'refund-items';
      readonly userId: UserId;
      readonly orderId: OrderId;
      readonly refundId: RefundId;
      readonly amount: number;
    }
  /** Ends the wallet of an erased user. What it holds is given up. */
  | { readonly kind: 'close'; readonly userId: UserId };

/** A fan's points: never negative, each charge credited once, each order paid once and never refunded more than it spent. */
export const walletDecider: Decider<WalletState, WalletCommand, WalletEvent> = {
  initialState: { balance: 0, charges: ImmutableSet(), orders: ImmutableMap(), isClosed: false },

  decide(command, state) {
    const { userId } = command;
    switch (command.kind) {
      case 'credit': {
        const { chargeId, amount } = command;
        if (state.charges.has(chargeId)) return accept();
        if (state.isClosed) return walletClosed();
        const balance = state.balance + amount;
        return accept({ type: 'PointsCharged', data: { userId, chargeId, amount, balance } });
      }
      case 'spend': {
        const { orderId, amount } = command;
        const order = state.orders.get(orderId);
        if (order?.isClosed) return reject('insufficient-points', 'This order was closed: place a new one.');
        if (order) return accept();
        if (state.isClosed) return walletClosed();
        if (amount > state.balance) return insufficientPoints(amount, state.balance);
        const balance = state.balance - amount;
        return accept({ type: 'PointsSpent', data: { userId, orderId, amount, balance } });
      }
      case 'refund': {
        const { orderId } = command;
        const { spent, refunded, isClosed } = state.orders.get(orderId) ?? nothingSpent;
        if (isClosed) return accept();
        const amount = spent - refunded;
        const balance = state.balance + amount;
        return accept({ type: 'PointsRefunded', data: { userId, orderId, amount, balance } });
      }
      case 'refund-items': {
        const { orderId, refundId } = command;
        const { spent, refunded, refundIds, isClosed } = state.orders.get(orderId) ?? nothingSpent;
        if (isClosed || refundIds.includes(refundId)) return accept();
        const amount = Math.min(command.amount, spent - refunded);
        const balance = state.balance + amount;
        return accept({ type: 'PointsRefunded', data: { userId, orderId, refundId, amount, balance } });
      }
      case 'close':
        if (state.isClosed) return accept();
        return accept({ type: 'WalletClosed', data: { userId, balance: state.balance } });
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    const { balance } = event.data;
    switch (event.type) {
      case 'PointsCharged':
        return { ...state, balance, charges: state.charges.add(event.data.chargeId) };
      case 'PointsSpent': {
        const { orderId, amount } = event.data;
        const order = { ...nothingSpent, wasSpent: true, spent: amount };
        return { ...state, balance, orders: state.orders.set(orderId, order) };
      }
      case 'PointsRefunded': {
        const { orderId, refundId, amount } = event.data;
        const before = state.orders.get(orderId) ?? nothingSpent;
        const order = {
          ...before,
          refunded: before.refunded + amount,
          refundIds: refundId === undefined ? before.refundIds : [...before.refundIds, refundId],
          isClosed: refundId === undefined,
        };
        return { ...state, balance, orders: state.orders.set(orderId, order) };
      }
      case 'WalletClosed':
        return { ...state, isClosed: true };
      default:
        return assertNever(event);
    }
  },
};

/** The refusal of commands that a closed wallet does not accept. */
export function walletClosed() {
  return reject('wallet-closed', 'The account of this wallet was erased: open a new account.');
}

/** The refusal of a payment that exceeds the balance. Amounts in points. */
export function insufficientPoints(needed: number, balance: number) {
  return reject(
    'insufficient-points',
    `The order costs ${needed} points and the wallet holds ${balance}: charge ${needed - balance} more.`,
    { needed, balance },
  );
}
