import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { assertNever } from '../../domain/decider.js';
import { type OrderState, orderDecider, remainingItems } from '../../domain/order.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { inSeatOrder, isReservedBy, seatDecider } from '../../domain/seat.js';
import { tokenDecider } from '../../domain/token.js';
import { walletDecider } from '../../domain/wallet.js';
import type { Position } from '../../event-store/port.js';
import { type HoldId, type OrderId, paymentIdSchema, type SeatId } from '../../events/ids.js';
import type { OrderFailure, OrderItem } from '../../events/order-events.js';
import { streams } from '../../events/streams.js';
import { deriveId } from '../../platform/derive-id.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler, type Outcome } from '../decider-handler.js';
import { Holds } from '../seats/end-hold.js';
import { type Loaded, StreamRepository } from '../stream-repository.js';

type Existing = Exclude<OrderState, { kind: 'none' }>;
type OrderOf<Kind extends OrderState['kind']> = Extract<OrderState, { kind: Kind }>;

export interface CheckoutResult {
  /** Paid, or closed when it failed or was cancelled. */
  readonly order: OrderOf<'paid'> | OrderOf<'closed'>;
  readonly position: Position | undefined;
}

/**
 * The checkout: OrderPlaced → PointsSpent → SeatReserved for each seat → OrderPaid → TokenCompleted.
 *
 * Any number of runs may drive one order at once, and each may crash anywhere: every step is idempotent by the order's
 * id. Success and failure exclude each other in the order's stream: OrderPaid and OrderFailed both require the order to
 * be open. After a failure everything is undone: first the wallet is barred from spending for this order, then each
 * seat's reservation or hold is taken away, so that a late run can take neither points nor seats.
 *
 * A paid order of which some seats are given back (OrderItemsCancelled) stays paid: their points go back, then the seats,
 * then OrderItemsRefunded is written.
 */
@Injectable()
export class CheckoutProcess {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly holds: Holds,
    private readonly catalog: CatalogReader,
  ) {}

  /** Drives the order to its end. @throws {Rejected} order-unknown, busy */
  async advance(orderId: OrderId, context: CommandContext): Promise<CheckoutResult> {
    let { state, position } = await this.repository.load(orderDecider, streams.order(orderId));
    // placed → paid → refunding seats → undoing → closed is the longest path, so six rounds are enough.
    for (let round = 0; round < 6; round++) {
      switch (state.kind) {
        case 'none':
          throw refuse('order-unknown', 'There is no such order.');
        case 'placed':
          ({ state, position } = await this.#settle(state, stepContext(context, 'settle')));
          break;
        case 'undoing':
          ({ state, position } = await this.#undo(state, stepContext(context, 'undo')));
          break;
        case 'paid':
          if (state.refunds.some((refund) => !refund.isDone)) {
            ({ state, position } = await this.#refundItems(state, stepContext(context, 'refund')));
            break;
          }
          // A read that waits for this position also sees that the token has ended.
          position = later(position, await this.#completeToken(state, stepContext(context, 'complete')));
          return { order: state, position };
        case 'closed':
          return { order: state, position };
        default:
          return assertNever(state);
      }
    }
    throw refuse('busy', 'The order is being settled: ask for it again in a moment.', { orderId });
  }

  /** As {@link advance}, but a failed order is thrown as its reason. @throws {Rejected} also the order's failure */
  async advanceOrThrow(orderId: OrderId, context: CommandContext): Promise<CheckoutResult> {
    const result = await this.advance(orderId, context);
    const { order } = result;
    if (order.kind === 'paid' || order.cause.kind === 'cancelled') return result;
    const { reason, seatId } = order.cause;
    const details = { orderId, ...(seatId === undefined ? {} : { seatId }) };
    switch (reason) {
      case 'insufficient-points':
        throw refuse(
          reason,
          `The order costs ${order.total} points and the wallet holds fewer: charge more.`,
          details,
        );
      case 'hold-lapsed':
        throw refuse(reason, 'The hold lapsed before the order was paid; no points were taken.', details);
      case 'seat-taken':
        throw refuse(
          reason,
          'The hold lapsed and somebody else took the seat; no points were taken.',
          details,
        );
      case 'not-on-sale':
        throw refuse(
          reason,
          'A date of the order was cancelled before it was paid; no points were taken.',
          details,
        );
      default:
        return assertNever(reason);
    }
  }

  /** Pays the order; one that was left open by a crash as well. */
  async #settle(order: OrderOf<'placed'>, context: CommandContext): Promise<Loaded<OrderState>> {
    const { orderId, userId, total } = order;
    if (await this.#isDateCancelled(order)) return this.#fail(order, 'not-on-sale', undefined, context);
    const spend = { kind: 'spend', userId, orderId, amount: total } as const;
    const spent = await this.deciders.execute(walletDecider, streams.wallet(userId), spend, context);
    refuseIfBusy(spent);
    if (spent.kind === 'rejected') return this.#fail(order, 'insufficient-points', undefined, context);
    for (const item of inSeatOrder(order.items)) {
      const { scheduleId, seatId, holdId } = item;
      const stream = streams.seat(scheduleId, seatId);
      const reserve = { kind: 'reserve', scheduleId, seatId, holdId, orderId } as const;
      const reserved = await this.deciders.execute(seatDecider, stream, reserve, context);
      refuseIfBusy(reserved);
      if (reserved.kind === 'rejected') {
        // The hold may have ended because its date was cancelled meanwhile.
        if (await this.#isDateCancelled(order)) return this.#fail(order, 'not-on-sale', undefined, context);
        const reason = reserved.rejection.code === 'seat-taken' ? 'seat-taken' : 'hold-lapsed';
        return this.#fail(order, reason, seatId, context);
      }
    }
    const paymentId = paymentIdSchema.parse(deriveId('payment', orderId));
    const markPaid = { kind: 'mark-paid', paymentId } as const;
    return this.deciders.executeOrThrow(orderDecider, streams.order(orderId), markPaid, context);
  }

  /**
   * Whether a date of the order is cancelled, by the log. A date that is cancelled after this is asked is paid for, and
   * refunded by the process that settles the cancellation.
   */
  async #isDateCancelled({ items }: Existing): Promise<boolean> {
    for (const scheduleId of new Set(items.map((item) => item.scheduleId))) {
      const { status } = await this.catalog.schedule(scheduleId, { isFresh: true });
      if (status === 'cancelled') return true;
    }
    return false;
  }

  #fail(
    { orderId }: Existing,
    reason: OrderFailure,
    seatId: SeatId | undefined,
    context: CommandContext,
  ): Promise<Loaded<OrderState>> {
    const fail = { kind: 'fail', reason, seatId } as const;
    return this.deciders.executeOrThrow(orderDecider, streams.order(orderId), fail, context);
  }

  async #undo(order: OrderOf<'undoing'>, context: CommandContext): Promise<Loaded<OrderState>> {
    const { orderId, userId } = order;
    await this.#refundItems(order, context);
    const stream = streams.wallet(userId);
    const refund = { kind: 'refund', userId, orderId } as const;
    const wallet = await this.deciders.executeOrThrow(walletDecider, stream, refund, context);
    const points = wallet.state.orders.get(orderId);
    // Without a spend no runner ever came near the seats: the fan keeps the hold, may charge and pay again.
    if (points?.wasSpent) {
      const reason = order.cause.kind === 'cancelled' ? 'order-cancelled' : 'order-failed';
      await this.#giveSeatsBack(order, remainingItems(order), reason, context);
    }
    // Every refund of single seats was made before: see above.
    const refundedBefore = order.refunds.reduce((sum, { amount }) => sum + amount, 0);
    const refunded = (points?.refunded ?? 0) - refundedBefore;
    const close = { kind: 'close', refunded } as const;
    return this.deciders.executeOrThrow(orderDecider, streams.order(orderId), close, context);
  }

  /** Gives back the points and seats of the order's refunds that are not done. */
  async #refundItems(
    order: OrderOf<'paid' | 'undoing'>,
    context: CommandContext,
  ): Promise<Loaded<OrderState>> {
    const { orderId, userId } = order;
    let last: Loaded<OrderState> | undefined;
    for (const { refundId, items, amount, isDone } of order.refunds) {
      if (isDone) continue;
      const refund = { kind: 'refund-items', userId, orderId, refundId, amount } as const;
      await this.deciders.executeOrThrow(walletDecider, streams.wallet(userId), refund, context);
      await this.#giveSeatsBack(order, items, 'order-cancelled', context);
      const finish = { kind: 'finish-refund', refundId } as const;
      last = await this.deciders.executeOrThrow(orderDecider, streams.order(orderId), finish, context);
    }
    return last ?? { state: order, revision: undefined, position: undefined };
  }

  async #giveSeatsBack(
    { orderId, tokenId }: Existing,
    items: readonly OrderItem[],
    reason: 'order-cancelled' | 'order-failed',
    context: CommandContext,
  ): Promise<void> {
    const byHold = new Map<HoldId, SeatId[]>();
    for (const { scheduleId, seatId, holdId } of inSeatOrder(items)) {
      const giveBack = { kind: 'give-back', scheduleId, seatId, holdId, orderId, reason } as const;
      const stream = streams.seat(scheduleId, seatId);
      const { state } = await this.deciders.executeOrThrow(seatDecider, stream, giveBack, context);
      // Another order of the fan reserved it: it still counts against the limit.
      if (isReservedBy(state, holdId)) continue;
      byHold.set(holdId, [...(byHold.get(holdId) ?? []), seatId]);
    }
    // The hold had each seat when the order was placed, so it has ended there and cannot take it again.
    for (const [holdId, seatIds] of byHold) {
      await this.holds.returnSeats(tokenId, holdId, seatIds, reason, context);
    }
  }

  /** Ends the token, so that nothing more can be held, and frees seats that are held beside the order. */
  async #completeToken(
    { tokenId, orderId }: Existing,
    context: CommandContext,
  ): Promise<Position | undefined> {
    const complete = { kind: 'complete', orderId } as const;
    const { state, position } = await this.deciders.executeOrThrow(
      tokenDecider,
      streams.token(tokenId),
      complete,
      context,
    );
    if (state.kind === 'none') return position;
    for (const [holdId, hold] of state.holds) {
      if (hold.outstanding.length > 0)
        await this.holds.giveBack(tokenId, holdId, 'released', stepContext(context, holdId));
    }
    return position;
  }
}

/** The later of two positions. */
function later(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}

/** Drives an order that was left open to its end. */
export class AdvanceCheckout extends Command<CheckoutResult> {
  constructor(
    readonly orderId: OrderId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(AdvanceCheckout)
export class AdvanceCheckoutHandler implements ICommandHandler<AdvanceCheckout> {
  constructor(private readonly checkout: CheckoutProcess) {}

  execute({ orderId, context }: AdvanceCheckout): Promise<CheckoutResult> {
    return this.checkout.advance(orderId, context);
  }
}

/** After too many lost races the order stays open and is resumed. @throws {Rejected} busy */
function refuseIfBusy(outcome: Outcome<unknown>): void {
  if (outcome.kind === 'rejected' && outcome.rejection.code === 'busy') throw new Rejected(outcome.rejection);
}
