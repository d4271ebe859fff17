import { Controller, Get, HttpCode, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { HISTORIES, type Histories } from '../../analysis/history/port.js';
import { CancelOrder } from '../../commands/orders/cancel-order.js';
import { Pay, paySchema } from '../../commands/orders/pay.js';
import type { QueuePass } from '../../commands/queue/queue-admission.js';
import { refuse } from '../../domain/rejection.js';
import { type OrderId, orderIdSchema, type UserId } from '../../events/ids.js';
import type { Language, PageRequest } from '../../queries/replies.js';
import { contextOf } from '../command-context.js';
import { setLogPosition } from '../command-reply.js';
import { CurrentPass, QueueTokenGuard } from '../guards/queue-token-guard.js';
import { FanRateGuard } from '../guards/rate-guards.js';
import { CurrentUser, UserGuard } from '../guards/user-guard.js';
import { Idempotency } from '../idempotency.js';
import { PreferredLanguage } from '../language.js';
import { knownThen, type MomentQuery, momentQuery } from '../moment.js';
import { OrderReplies } from '../order-reply.js';
import { pageQuery } from '../paging.js';
import { WaitForPosition } from '../read-position.js';
import { READS, type Reads } from '../reads.js';
import { ValidBody, ValidParam, ValidQuery } from '../validation.js';

@Controller('v1')
export class OrdersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly idempotency: Idempotency,
    private readonly replies: OrderReplies,
    @Inject(READS) private readonly reads: Reads,
    @Inject(HISTORIES) private readonly histories: Histories,
  ) {}

  @Post('orders')
  @UseGuards(UserGuard, QueueTokenGuard, FanRateGuard)
  pay(
    @CurrentPass() pass: QueuePass,
    @ValidBody(paySchema) body: z.infer<typeof paySchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.idempotency.run('pay', { request, reply, body }, async (context) => {
      const paid = await this.commands.execute(new Pay(pass, body, context));
      return { status: 201, isFinal: true, body: await this.replies.after(paid) };
    });
  }

  @Get('orders')
  @UseGuards(UserGuard, WaitForPosition)
  orders(@CurrentUser() userId: UserId, @ValidQuery(pageQuery) page: PageRequest) {
    return this.reads.orders(userId, page);
  }

  @Get('orders/:orderId')
  @UseGuards(UserGuard, WaitForPosition)
  async order(
    @CurrentUser() userId: UserId,
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @ValidQuery(momentQuery) { at }: MomentQuery,
  ) {
    if (at !== undefined) {
      return knownThen(await this.histories.order(userId, orderId, at), 'order-unknown', 'such order');
    }
    const order = await this.reads.order(userId, orderId);
    if (!order) throw refuse('order-unknown', 'You have no such order.');
    return order;
  }

  @Post('orders/:orderId/cancel')
  @HttpCode(200)
  @UseGuards(UserGuard, FanRateGuard)
  async cancel(
    @CurrentUser() userId: UserId,
    @ValidParam('orderId', orderIdSchema) orderId: OrderId,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const cancelled = await this.commands.execute(new CancelOrder(userId, orderId, contextOf(request)));
    setLogPosition(reply, cancelled.position);
    return this.replies.after(cancelled);
  }

  @Get('reservations')
  @UseGuards(UserGuard, WaitForPosition)
  reservations(
    @CurrentUser() userId: UserId,
    @ValidQuery(pageQuery) page: PageRequest,
    @PreferredLanguage() language: Language | null,
  ) {
    return this.reads.reservations(userId, page, language);
  }
}
