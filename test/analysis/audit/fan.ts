import type { Instant } from '../../../src/events/ids.js';
import { type DataOf, id, scheduleId, seat } from './log-under-audit.js';
import { QueueingFan } from './queueing-fan.js';

export const refundId = id<DataOf<'OrderItemsRefunded'>['refundId']>('refund');

/** One fan whose every step is written to a log as the service would write it, unless a change says otherwise. */
export class Fan extends QueueingFan {
  place(seats: readonly string[], change: Partial<DataOf<'OrderPlaced'>> = {}): this {
    const items = seats.map((name) => ({
      scheduleId,
      seatId: seat(name),
      holdId: this.holdId,
      price: 100,
      sold: null,
    }));
    const data = { orderId: this.orderId, ...this.turn, items, total: 100 * seats.length, ...change };
    this.log.add(`order-${this.orderId}`, { type: 'OrderPlaced', data });
    return this;
  }

  spend(amount: number, change: Partial<DataOf<'PointsSpent'>> = {}): this {
    this.balance -= amount;
    const data = { userId: this.userId, orderId: this.orderId, amount, balance: this.balance, ...change };
    this.log.add(`wallet-${this.userId}`, { type: 'PointsSpent', data });
    return this;
  }

  reserve(name: string, change: Partial<DataOf<'SeatReserved'>> = {}, when?: Instant): this {
    const { holdId, userId, orderId } = this;
    const data = { scheduleId, seatId: seat(name), holdId, userId, orderId, price: 100, ...change };
    this.log.add(`seat-${scheduleId}.${name}`, { type: 'SeatReserved', data }, when);
    return this;
  }

  paid(total: number): this {
    const { orderId, userId } = this;
    const data = { orderId, userId, paymentId: id<DataOf<'OrderPaid'>['paymentId']>('payment'), total };
    this.log.add(`order-${orderId}`, { type: 'OrderPaid', data });
    return this;
  }

  complete(): this {
    const data = { ...this.turn, orderId: this.orderId };
    this.log.add(`token-${this.tokenId}`, { type: 'TokenCompleted', data });
    return this;
  }

  fail(): this {
    const { orderId, userId } = this;
    this.log.add(`order-${orderId}`, {
      type: 'OrderFailed',
      data: { orderId, userId, reason: 'hold-lapsed' },
    });
    return this;
  }

  cancel(): this {
    const { orderId, userId } = this;
    this.log.add(`order-${orderId}`, { type: 'OrderCancelled', data: { orderId, userId, cause: 'fan' } });
    return this;
  }

  /** Gives some seats back while the rest of the order stands. */
  cancelSeats(seats: readonly string[], change: Partial<DataOf<'OrderItemsCancelled'>> = {}): this {
    const { orderId, userId } = this;
    const items = seats.map((name) => ({ scheduleId, seatId: seat(name) }));
    const data = { orderId, userId, refundId, items, amount: 100 * seats.length, cause: 'fan' as const };
    this.log.add(`order-${orderId}`, { type: 'OrderItemsCancelled', data: { ...data, ...change } });
    return this;
  }

  /** Ends it. */
  seatsRefunded(amount: number): this {
    const { orderId, userId } = this;
    this.log.add(`order-${orderId}`, {
      type: 'OrderItemsRefunded',
      data: { orderId, userId, refundId, amount },
    });
    return this;
  }

  refund(amount: number, change: Partial<DataOf<'PointsRefunded'>> = {}): this {
    this.balance += amount;
    const data = { userId: this.userId, orderId: this.orderId, amount, balance: this.balance, ...change };
    this.log.add(`wallet-${this.userId}`, { type: 'PointsRefunded', data });
    return this;
  }

  unreserve(name: string): this {
    const { userId, orderId } = this;
    const data = { scheduleId, seatId: seat(name), userId, orderId, reason: 'order-cancelled' as const };
    this.log.add(`seat-${scheduleId}.${name}`, { type: 'SeatReservationCancelled', data });
    return this;
  }

  close(amount: number): this {
    const { orderId, userId } = this;
    this.log.add(`order-${orderId}`, { type: 'OrderRefunded', data: { orderId, userId, amount } });
    return this;
  }

  /** Pays for the held seats in full. */
  pay(...seats: readonly string[]): this {
    this.place(seats).spend(100 * seats.length);
    for (const name of seats) this.reserve(name);
    return this.paid(100 * seats.length).complete();
  }
}
