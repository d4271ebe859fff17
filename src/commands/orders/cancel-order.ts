import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { orderDecider } from '../../domain/order.js';
import { refuse } from '../../domain/rejection.js';
import type { OrderId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { CheckoutProcess, type CheckoutResult } from './checkout-process.js';

/** Gives a paid order's seats back and refunds its points, until the first of its dates begins. */
export class CancelOrder extends Command<CheckoutResult> {
  constructor(
    readonly userId: UserId,
    readonly orderId: OrderId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(CancelOrder)
export class CancelOrderHandler implements ICommandHandler<CancelOrder> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly checkout: CheckoutProcess,
    private readonly clock: Clock,
  ) {}

  /** @throws {Rejected} order-unknown (also somebody else's), order-not-cancellable */
  async execute({ userId, orderId, context }: CancelOrder): Promise<CheckoutResult> {
    const stream = streams.order(orderId);
    const { state: order } = await this.repository.load(orderDecider, stream);
    if (order.kind === 'none' || order.userId !== userId)
      throw refuse('order-unknown', 'There is no such order.');
    if (order.kind === 'paid') {
      for (const scheduleId of new Set(order.items.map((item) => item.scheduleId))) {
        const { startsAt } = await this.catalog.schedule(scheduleId);
        if (this.clock.now() < startsAt) continue;
        throw refuse(
          'order-not-cancellable',
          'The performance has begun: the order can no longer be cancelled.',
        );
      }
    }
    await this.deciders.executeOrThrow(orderDecider, stream, { kind: 'cancel' }, context);
    return this.checkout.advance(orderId, context);
  }
}
