import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { mayCancelUntil } from '../../domain/catalog.js';
import { type OrderState, orderDecider, remainingItems } from '../../domain/order.js';
import { refuse } from '../../domain/rejection.js';
import {
  type OrderId,
  refundIdSchema,
  type ScheduleId,
  scheduleIdSchema,
  seatIdSchema,
  type UserId,
} from '../../events/ids.js';
import { type CancellationCause, type ItemName, itemKey, type OrderItem } from '../../events/order-events.js';
import type { DomainEvent } from '../../events/registry.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { CheckoutProcess, type CheckoutResult } from './checkout-process.js';

const itemsSchema = z
  .array(z.strictObject({ scheduleId: scheduleIdSchema, seatId: seatIdSchema }))
  .min(1)
  .max(100);

export const cancelOrderSchema = z
  .strictObject({
    /** The seats to give back; all that the order still has when absent. */
    items: itemsSchema.optional(),
  })
  .default({});

export const refundOrderSchema = z.strictObject({
  /** The seats to give back; all that the order still has when absent. */
  items: itemsSchema.optional(),
  /** Stored with the order and shown to the fan. */
  reason: z.string().trim().min(1).max(500),
});

/** A fan gives back seats of a paid order for its points: all of them, or some. */
export class CancelOrder extends Command<CheckoutResult> {
  constructor(
    readonly userId: UserId,
    readonly orderId: OrderId,
    /** Undefined: all that the order still has. */
    readonly items: readonly ItemName[] | undefined,
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

  /**
   * @throws {Rejected} order-unknown (also another user's), order-not-cancellable (also after the deadline of a date),
   * seat-unknown, companion-needs-wheelchair
   */
  async execute({ userId, orderId, items, context }: CancelOrder): Promise<CheckoutResult> {
    const stream = streams.order(orderId);
    const { state: order } = await this.repository.load(orderDecider, stream);
    if (order.kind === 'none' || order.userId !== userId)
      throw refuse('order-unknown', 'There is no such order.');
    const dates = order.kind === 'paid' ? (items ?? remainingItems(order)) : [];
    for (const scheduleId of new Set(dates.map((item) => item.scheduleId))) {
      await this.#refuseAfterDeadline(scheduleId);
    }
    const command = cancellation('fan', items, undefined, context);
    await this.deciders.executeOrThrow(orderDecider, stream, command, context);
    return this.checkout.advance(orderId, context);
  }

  async #refuseAfterDeadline(scheduleId: ScheduleId): Promise<void> {
    const schedule = await this.catalog.schedule(scheduleId);
    const performance = await this.catalog.performance(schedule.performanceId);
    const until = mayCancelUntil(performance, schedule);
    const now = this.clock.now();
    if (now < until) return;
    throw refuse(
      'order-not-cancellable',
      now < schedule.startsAt
        ? `Tickets of this date could be given back until ${until}: ask the organiser for a refund.`
        : 'The performance has begun: the order can no longer be cancelled.',
      { until },
    );
  }
}

/** Which seats of an order are given back; those given back before are skipped. */
export type RefundedItems =
  | { readonly kind: 'all' }
  | { readonly kind: 'items'; readonly items: readonly ItemName[] }
  | { readonly kind: 'schedule'; readonly scheduleId: ScheduleId };

/** What an order has become, and which seats this command gave back. */
export interface RefundResult extends CheckoutResult {
  readonly refunded: readonly OrderItem[];
}

/** Gives back seats of a paid order at any time: for operators, and for the process that refunds a cancelled date. */
export class RefundOrder extends Command<RefundResult> {
  constructor(
    readonly refund: {
      readonly orderId: OrderId;
      readonly which: RefundedItems;
      readonly cause: Exclude<CancellationCause, 'fan'>;
      /** Shown to the fan. */
      readonly note?: string;
    },
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(RefundOrder)
export class RefundOrderHandler implements ICommandHandler<RefundOrder> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly checkout: CheckoutProcess,
  ) {}

  /**
   * An order that is being paid is brought to its end first.
   * @throws {Rejected} order-unknown, order-not-cancellable (its payment failed), seat-unknown, companion-needs-wheelchair, busy
   */
  async execute({ refund, context }: RefundOrder): Promise<RefundResult> {
    const { orderId, which, cause, note } = refund;
    const stream = streams.order(orderId);
    let { state: order } = await this.repository.load(orderDecider, stream);
    if (order.kind === 'none') throw refuse('order-unknown', 'There is no such order.');
    if (order.kind === 'placed')
      order = (await this.checkout.advance(orderId, stepContext(context, 'pay'))).order;
    const items = itemsOf(which, order);
    const hasFailed = order.kind !== 'paid' && order.cause.kind === 'failed';
    // A failed order has given everything back itself: nothing is left of it on a cancelled date.
    if (items?.length === 0 || (hasFailed && which.kind === 'schedule')) {
      return { ...(await this.checkout.advance(orderId, context)), refunded: [] };
    }
    const command = cancellation(cause, items, note, context);
    const { events } = await this.deciders.executeOrThrow(orderDecider, stream, command, context);
    return { ...(await this.checkout.advance(orderId, context)), refunded: cancelledBy(events, order) };
  }
}

/** The items that these events give back. @param before the order as it was. */
function cancelledBy(
  events: readonly DomainEvent[],
  before: Exclude<OrderState, { kind: 'none' }>,
): readonly OrderItem[] {
  return events.flatMap((event): readonly OrderItem[] => {
    if (event.type === 'OrderCancelled') return remainingItems(before);
    if (event.type !== 'OrderItemsCancelled') return [];
    const given = new Set(event.data.items.map(itemKey));
    return remainingItems(before).filter((item) => given.has(itemKey(item)));
  });
}

/** Undefined: all. */
function itemsOf(
  which: RefundedItems,
  order: Exclude<OrderState, { kind: 'none' }>,
): readonly ItemName[] | undefined {
  switch (which.kind) {
    case 'all':
      return undefined;
    case 'items':
      return which.items;
    case 'schedule':
      return order.items.filter((item) => item.scheduleId === which.scheduleId);
  }
}

function cancellation(
  cause: CancellationCause,
  items: readonly ItemName[] | undefined,
  note: string | undefined,
  { commandId }: CommandContext,
) {
  const refundId = refundIdSchema.parse(deriveId(commandId, 'refund'));
  return { kind: 'cancel', items, refundId, cause, note } as const;
}
