import type { OrderId, PaymentId, PerformanceId, SeatId, TokenId, UserId } from '../events/ids.js';
import type { OrderEvent, OrderItem } from '../events/order-events.js';
import { accept, assertNever, type Decider, reject } from './decider.js';

type FailureReason = Extract<OrderEvent, { type: 'OrderFailed' }>['data']['reason'];

interface Placed {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
  readonly items: readonly OrderItem[];
  readonly total: number;
}

export type OrderState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'placed' } & Placed)
  | ({ readonly kind: 'paid'; readonly paymentId: PaymentId } & Placed)
  /** Failed or cancelled; some seats or points are not given back yet. */
  | ({ readonly kind: 'undoing'; readonly cause: UndoCause } & Placed)
  | ({ readonly kind: 'closed'; readonly cause: UndoCause; readonly refunded: number } & Placed);

type UndoCause =
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly seatId: SeatId | undefined }
  | { readonly kind: 'cancelled' };

export type OrderCommand =
  | ({ readonly kind: 'place' } & Placed)
  | { readonly kind: 'mark-paid'; readonly paymentId: PaymentId }
  | { readonly kind: 'fail'; readonly reason: FailureReason; readonly seatId: SeatId | undefined }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'close'; readonly refunded: number };

/**
 * One checkout. A failure or a cancellation is written before anything is undone, so that of two runs of the same
 * checkout only one outcome can be recorded.
 */
export const orderDecider: Decider<OrderState, OrderCommand, OrderEvent> = {
  initialState: { kind: 'none' },

  decide(command, state) {
    if (command.kind === 'place') {
      const { kind: _, ...data } = command;
      if (state.kind === 'none')
        return accept({ type: 'OrderPlaced', data: { ...data, items: [...data.items] } });
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
        if (state.kind === 'paid') return accept({ type: 'OrderCancelled', data: { orderId, userId } });
        if (state.kind !== 'placed' && state.cause.kind === 'cancelled') return accept();
        return reject('order-not-cancellable', 'Only a paid order can be cancelled.');
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
    switch (event.type) {
      case 'OrderPaid':
        return { ...state, kind: 'paid', paymentId: event.data.paymentId };
      case 'OrderFailed': {
        const { reason, seatId } = event.data;
        return { ...state, kind: 'undoing', cause: { kind: 'failed', reason, seatId } };
      }
      case 'OrderCancelled':
        return { ...state, kind: 'undoing', cause: { kind: 'cancelled' } };
      case 'OrderRefunded':
        if (state.kind !== 'undoing') return state;
        return { ...state, kind: 'closed', refunded: event.data.amount };
      default:
        return assertNever(event);
    }
  },
};

function isSameItems(a: readonly OrderItem[], b: readonly OrderItem[]): boolean {
  const key = (item: OrderItem) => `${item.scheduleId} ${item.holdId} ${item.seatId} ${item.price}`;
  const keys = new Set(a.map(key));
  return a.length === b.length && b.every((item) => keys.has(key(item)));
}
