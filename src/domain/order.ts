import type { OrderId, PaymentId, PerformanceId, RefundId, SeatId, TokenId, UserId } from '../events/ids.js';
import {
  type CancellationCause,
  type ItemName,
  itemKey,
  type OrderEvent,
  type OrderFailure,
  type OrderItem,
} from '../events/order-events.js';
import { companionNeedsWheelchair, loneCompanion } from './companions.js';
import { accept, assertNever, type Decider, type Decision, reject } from './decider.js';

interface Placed {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
  readonly items: readonly OrderItem[];
  readonly total: number;
}

/** Some seats of a paid order that are given back while the rest stands. */
export interface ItemsRefund {
  readonly refundId: RefundId;
  readonly items: readonly OrderItem[];
  /** Points. */
  readonly amount: number;
  readonly cause: CancellationCause;
  readonly note: string | undefined;
  /** Whether seats and points have been given back. */
  readonly isDone: boolean;
}

interface Refunds {
  /** In the order of their cancellation; no item is in two of them. */
  readonly refunds: readonly ItemsRefund[];
}

export type OrderState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'placed' } & Placed)
  | ({ readonly kind: 'paid'; readonly paymentId: PaymentId } & Placed & Refunds)
  /** Failed or cancelled; some seats or points are not given back yet. */
  | ({ readonly kind: 'undoing'; readonly cause: UndoCause } & Placed & Refunds)
  | ({ readonly kind: 'closed'; readonly cause: UndoCause; readonly refunded: number } & Placed & Refunds);

type UndoCause =
  | { readonly kind: 'failed'; readonly reason: OrderFailure; readonly seatId: SeatId | undefined }
  | { readonly kind: 'cancelled'; readonly by: CancellationCause; readonly note: string | undefined };

export type OrderCommand =
  | ({ readonly kind: 'place' } & Placed)
  | { readonly kind: 'mark-paid'; readonly paymentId: PaymentId }
  | { readonly kind: 'fail'; readonly reason: OrderFailure; readonly seatId: SeatId | undefined }
  | {
      readonly kind: 'cancel';
      /** The seats to give back; all that the order still has when absent. Those given back before are skipped. */
      readonly items: readonly ItemName[] | undefined;
      /** Used when the rest of the order stands. */
      readonly refundId: RefundId;
      readonly cause: CancellationCause;
      readonly note: string | undefined;
    }
  /** The seats and points of one refund have been given back. */
  | { readonly kind: 'finish-refund'; readonly refundId: RefundId }
  | { readonly kind: 'close'; readonly refunded: number };

/** The items of a paid or cancelled order that were not given back while the rest of it stood. */
export function remainingItems(state: Exclude<OrderState, { kind: 'none' }>): readonly OrderItem[] {
  if (state.kind === 'placed') return state.items;
  const gone = new Set(state.refunds.flatMap(({ items }) => items.map(itemKey)));
  return gone.size === 0 ? state.items : state.items.filter((item) => !gone.has(itemKey(item)));
}

/**
 * One checkout. A failure or a cancellation is written before anything is undone, so that of two runs of the same
 * checkout only one outcome can be recorded, and a seat is given back by one cancellation only.
 *
 * A companion's place is never sold without its wheelchair place: one event places an order with both or is refused, and
 * this stream's revision decides between two cancellations that would each leave one of them.
 */
export const orderDecider: Decider<OrderState, OrderCommand, OrderEvent> = {
  initialState: { kind: 'none' },

  decide(command, state) {
    if (command.kind === 'place') {
      const { kind: _, ...data } = command;
      if (state.kind === 'none') {
        const lone = loneCompanion(data.items);
        if (lone) return companionNeedsWheelchair(lone, 'pay for both in one order');
        return accept({ type: 'OrderPlaced', data: { ...data, items: [...data.items] } });
      }
      if (state.userId === data.userId && isSameItems(state.items, data.items)) return accept();
      return reject(
        'idempotency-key-reused',
        'This idempotency key belongs to another order: use a new key.',
      );
    }
    if (state.kind === 'none') return reject('order-unknown', 'There is no such order.');
    const { orderId, userId, total } = state;
    switch (command.kind) {
      case 'mark-paid':
        if (state.kind !== 'placed') return accept();
        return accept({ type: 'OrderPaid', data: { orderId, userId, paymentId: command.paymentId, total } });
      case 'fail': {
        if (state.kind !== 'placed') return accept();
        const { reason, seatId } = command;
        return accept({
          type: 'OrderFailed',
          data: { orderId, userId, reason, ...(seatId === undefined ? {} : { seatId }) },
        });
      }
      case 'cancel':
        return decideCancel(command, state);
      case 'finish-refund': {
        const refund = state.kind === 'placed' ? undefined : refundOf(state, command.refundId);
        if (!refund || refund.isDone || state.kind === 'closed') return accept();
        const { refundId, amount } = refund;
        return accept({ type: 'OrderItemsRefunded', data: { orderId, userId, refundId, amount } });
      }
      case 'close':
        if (state.kind !== 'undoing') return accept();
        return accept({ type: 'OrderRefunded', data: { orderId, userId, amount: command.refunded } });
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'OrderPlaced') return { kind: 'placed', ...event.data };
    if (state.kind === 'none') return state;
    const refunds = state.kind === 'placed' ? [] : state.refunds;
    switch (event.type) {
      case 'OrderPaid':
        return { ...state, kind: 'paid', paymentId: event.data.paymentId, refunds };
      case 'OrderFailed': {
        const { reason, seatId } = event.data;
        return { ...state, kind: 'undoing', cause: { kind: 'failed', reason, seatId }, refunds };
      }
      case 'OrderItemsCancelled': {
        if (state.kind !== 'paid') return state;
        const { refundId, amount, cause, note } = event.data;
        const keys = new Set(event.data.items.map(itemKey));
        const items = state.items.filter((item) => keys.has(itemKey(item)));
        return { ...state, refunds: [...refunds, { refundId, items, amount, cause, note, isDone: false }] };
      }
      case 'OrderItemsRefunded': {
        if (state.kind === 'placed') return state;
        const { refundId } = event.data;
        const done = refunds.map((refund) =>
          refund.refundId === refundId ? { ...refund, isDone: true } : refund,
        );
        return { ...state, refunds: done };
      }
      case 'OrderCancelled': {
        const { cause: by, note } = event.data;
        return { ...state, kind: 'undoing', cause: { kind: 'cancelled', by, note }, refunds };
      }
      case 'OrderRefunded':
        if (state.kind !== 'undoing') return state;
        return { ...state, kind: 'closed', refunded: event.data.amount };
      default:
        return assertNever(event);
    }
  },
};

function decideCancel(
  { items, refundId, cause, note }: Extract<OrderCommand, { kind: 'cancel' }>,
  state: Exclude<OrderState, { kind: 'none' }>,
): Decision<OrderEvent> {
  const keys = new Set(items?.map(itemKey));
  const unknown = [...keys].find((key) => !state.items.some((item) => itemKey(item) === key));
  if (unknown !== undefined) {
    const seatId = items?.find((item) => itemKey(item) === unknown)?.seatId;
    return reject('seat-unknown', `The order has no seat ${seatId} on that date.`, {
      ...(seatId === undefined ? {} : { seatId }),
    });
  }
  if (state.kind !== 'paid') {
    // A seat of an order that was cancelled as a whole is given back already.
    if (state.kind !== 'placed' && state.cause.kind === 'cancelled') return accept();
    return reject('order-not-cancellable', 'Only a paid order can be cancelled.');
  }
  const { orderId, userId } = state;
  const remaining = remainingItems(state);
  const wanted = items === undefined ? remaining : remaining.filter((item) => keys.has(itemKey(item)));
  // A repeated command gives back nothing more.
  if (wanted.length === 0 || refundOf(state, refundId)) return accept();
  const why = { cause, ...(note === undefined ? {} : { note }) };
  if (wanted.length === remaining.length)
    return accept({ type: 'OrderCancelled', data: { orderId, userId, ...why } });
  const lone = loneCompanion(remaining.filter((item) => !wanted.includes(item)));
  if (lone) return companionNeedsWheelchair(lone, 'give both back, or only the companion’s place');
  const amount = wanted.reduce((sum, item) => sum + item.price, 0);
  const given = wanted.map(({ scheduleId, seatId }) => ({ scheduleId, seatId }));
  return accept({
    type: 'OrderItemsCancelled',
    data: { orderId, userId, refundId, items: given, amount, ...why },
  });
}

function refundOf({ refunds }: Refunds, refundId: RefundId): ItemsRefund | undefined {
  return refunds.find((refund) => refund.refundId === refundId);
}

function isSameItems(a: readonly OrderItem[], b: readonly OrderItem[]): boolean {
  const key = (item: OrderItem) => `${itemKey(item)} ${item.holdId} ${item.price}`;
  const keys = new Set(a.map(key));
  return a.length === b.length && b.every((item) => keys.has(key(item)));
}
