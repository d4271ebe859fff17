import { Controller, Get, HttpCode, Inject, Injectable, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { CancelOrder, cancelOrderSchema } from '../../commands/orders/cancel-order.js';
import type { CheckoutResult } from '../../commands/orders/checkout-process.js';
import { Pay, paySchema } from '../../commands/orders/pay.js';
import type { QueueToken } from '../../commands/queue/queue-admission.js';
import { refuse } from '../../domain/rejection.js';
import { type Instant, type OrderId, orderIdSchema, type UserId } from '../../events/ids.js';
import type { OrderItem } from '../../events/order-events.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { ReadModelsUnavailable } from '../../queries/database.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import { type OrderReply, soldFields } from '../../queries/replies/booking.js';
import type { Language, PageRequest } from '../../queries/replies/reply.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { CurrentQueueToken, CurrentUser, FanRateGuard, QueueTokenGuard, UserGuard } from '../guards.js';
import { Idempotency, type Positioned, setLogPosition } from '../idempotency.js';
import { knownThen, type MomentQuery, momentQuery, pageQuery } from '../query-parameters.js';
import { hasReached, READ_POSITION, type ReadPosition, WaitForPosition } from '../read-position.js';
import { contextOf, PreferredLanguage } from '../request.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

/** The order's reply after a command changed the order: all its fields, not only the changed ones. */
@Injectable()
export class OrderReplies {
  constructor(
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(READ_POSITION) private readonly readPosition: ReadPosition,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'waitForPositionTimeoutMs'>,
    private readonly clock: Clock,
  ) {}

  /**
   * From the read models, once they contain the command's effect. If they are late, from the command's own result: then
   * the names of the seats are missing, which only the catalog has.
   */
  async after({ order, position }: CheckoutResult): Promise<Positioned<OrderReply>> {
    const isReadable = await hasReached(this.readPosition, position, this.settings.waitForPositionTimeoutMs);
    const known = isReadable ? await this.#read(order) : null;
    return { ...(known ?? orderFrom(order, this.clock.now())), position: position ?? null };
  }

  /** Null also while the read models are unavailable: the command's own result is used then. */
  async #read({ userId, orderId }: CheckoutResult['order']): Promise<OrderReply | null> {
    try {
      return await this.queries.order(userId, orderId);
    } catch (error) {
      if (error instanceof ReadModelsUnavailable) return null;
      throw error;
    }
  }
}

@Controller('v1')
export class OrdersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotency: Idempotency,
    private readonly replies: OrderReplies,
    @Inject(QUERIES) private readonly queries: Queries,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Post('orders')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  payForSeats(
    @CurrentQueueToken() queueToken: QueueToken,
    @ValidBody(paySchema) body: z.infer<typeof paySchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.idempotency.run('pay', { request, reply, body }, async (context) => {
      const paid = await this.commands.execute(new Pay(queueToken, body, context));
      return { status: 201, isFinal: true, body: await this.replies.after(paid) };
    });
  }

  @Get('orders')
  @UseGuards(UserGuard, WaitForPosition)
  listOrders(@CurrentUser() userId: UserId, @ValidQuery(pageQuery) page: PageRequest) {
    return this.queries.orders(userId, page);
  }

  @Get('orders/:orderId')
  @RouteConfig({ load: 'buying' })
  @UseGuards(UserGuard, WaitForPosition)
  async getOrder(
    @CurrentUser() userId: UserId,
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @ValidQuery(momentQuery) { at }: MomentQuery,
  ) {
    if (at !== undefined) {
      return knownThen(await this.histories.order(userId, orderId, at), 'order-unknown', 'such order');
    }
    const order = await this.queries.order(userId, orderId);
    if (!order) throw refuse('order-unknown', 'You have no such order.');
    return order;
  }

  @Post('orders/:orderId/cancel')
  @HttpCode(200)
  @UseGuards(UserGuard, FanRateGuard)
  async cancelOrder(
    @CurrentUser() userId: UserId,
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @ValidBody(cancelOrderSchema) body: z.infer<typeof cancelOrderSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const cancelled = await this.commands.execute(
      new CancelOrder(userId, orderId, body.items, contextOf(request)),
    );
    setLogPosition(reply, cancelled.position);
    return this.replies.after(cancelled);
  }

  @Get('reservations')
  @UseGuards(UserGuard, WaitForPosition)
  listReservations(
    @CurrentUser() userId: UserId,
    @ValidQuery(pageQuery) page: PageRequest,
    @PreferredLanguage() language: Language | null,
  ) {
    return this.queries.reservations(userId, page, language);
  }
}

/** The order from the command's own result, without the fields that only read models have. */
export function orderFrom(order: CheckoutResult['order'], now: Instant): OrderReply {
  const { orderId, userId, performanceId, total } = order;
  const failure = order.kind === 'closed' && order.cause.kind === 'failed' ? order.cause.reason : null;
  const isPaid = order.kind === 'paid';
  const cancellationOf = (item: OrderItem): OrderReply['items'][number]['cancellation'] => {
    const refund = order.refunds.find(({ items }) => items.includes(item));
    const given = { amount: item.price, refundedAt: now };
    if (refund) {
      const { cause, note = null, isDone } = refund;
      return { cancelledAt: now, cause, note, refund: isDone ? given : null };
    }
    if (order.kind !== 'closed' || order.cause.kind !== 'cancelled') return null;
    return { cancelledAt: now, cause: order.cause.by, note: order.cause.note ?? null, refund: given };
  };
  return {
    orderId,
    userId,
    performanceId,
    orderDate: now,
    totalAmount: total,
    refundedAmount: order.refunds.reduce(
      (sum, { amount, isDone }) => (isDone ? sum + amount : sum),
      order.kind === 'closed' ? order.refunded : 0,
    ),
    orderStatus: isPaid ? 'paid' : failure === null ? 'refunded' : 'failed',
    failureReason: failure,
    items: order.items.map((item) => {
      const { seatId, scheduleId, price, sold } = item;
      const cancellation = cancellationOf(item);
      const words = soldFields(sold ?? {});
      return { seatId, scheduleId, quantity: 1, price, ...words, present: null, cancellation };
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
      ? order.items.map((item) => ({
          // The same derivation as the read model's, so that the id stays when the read model answers.
          reservationId: deriveId('reservation', orderId, item.scheduleId, item.seatId),
          seatId: item.seatId,
          scheduleId: item.scheduleId,
          reservationDate: now,
          reservationStatus: cancellationOf(item) ? 'cancelled' : 'confirmed',
        }))
      : [],
    updatedAt: now,
  };
}
