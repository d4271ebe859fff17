import { Inject, Injectable } from '@nestjs/common';
import type { CheckoutResult } from '../commands/orders/checkout-process.js';
import { CLOCK } from '../commands/ports.js';
import type { Instant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import { deriveId } from '../platform/derive-id.js';
import { ReadModelsUnavailable } from '../queries/outage.js';
import type { OrderReply } from '../queries/replies.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import type { Positioned } from './command-reply.js';
import { READ_POSITION, type ReadPosition } from './read-position.js';
import { READS, type Reads } from './reads.js';

/** The whole order after a command changed it. */
@Injectable()
export class OrderReplies {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(READ_POSITION) private readonly position: ReadPosition,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'waitForPositionTimeoutMs'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * As the read models show it once they know the command. When they don't in time, from the command's own
   * result: the effect has happened, and only what the catalog adds to the seats is missing.
   */
  async after({ order, position }: CheckoutResult): Promise<Positioned<OrderReply>> {
    const isReadable =
      position === undefined ||
      position <= this.position.current() ||
      (await this.position.waitFor(position, this.settings.waitForPositionTimeoutMs));
    const known = isReadable ? await this.#read(order) : null;
    return { ...(known ?? orderFrom(order, this.clock.now())), position: position ?? null };
  }

  /** Null also while the read models cannot be asked: the order is what it is without them. */
  async #read({ userId, orderId }: CheckoutResult['order']): Promise<OrderReply | null> {
    try {
      return await this.reads.order(userId, orderId);
    } catch (error) {
      if (error instanceof ReadModelsUnavailable) return null;
      throw error;
    }
  }
}

/** The order as the command left it, with everything that needs no read model. */
export function orderFrom(order: CheckoutResult['order'], now: Instant): OrderReply {
  const { orderId, userId, performanceId, total } = order;
  const failure = order.kind === 'closed' && order.cause.kind === 'failed' ? order.cause.reason : null;
  const isPaid = order.kind === 'paid';
  return {
    orderId,
    userId,
    performanceId,
    orderDate: now,
    totalAmount: total,
    orderStatus: isPaid ? 'paid' : failure === null ? 'refunded' : 'failed',
    failureReason: failure,
    items: order.items.map(({ seatId, scheduleId, price }) => {
      return { seatId, scheduleId, quantity: 1, price, sectionName: null, row: null, number: null };
    }),
    payment: isPaid
      ? {
          paymentId: order.paymentId,
          amount: total,
          paymentStatus: 'completed',
          paymentDate: now,
          points: [{ userId, amount: total }],
        }
      : null,
    reservations: isPaid
      ? order.items.map(({ seatId, scheduleId }) => ({
          // The same derivation as the read model's, so that the id stays when the read model answers.
          reservationId: deriveId('reservation', orderId, scheduleId, seatId),
          seatId,
          scheduleId,
          reservationDate: now,
          reservationStatus: 'confirmed',
        }))
      : [],
    updatedAt: now,
  };
}
