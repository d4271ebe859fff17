import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { findSeat, type PublishedSchedule } from '../../domain/catalog.js';
import { type OrderState, orderDecider } from '../../domain/order.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { seatDecider } from '../../domain/seat.js';
import { isWhole, type TokenHold, type TokenState, tokenDecider, tokenEnded } from '../../domain/token.js';
import { insufficientPoints, walletDecider } from '../../domain/wallet.js';
import {
  type HoldId,
  holdIdSchema,
  type OrderId,
  orderIdSchema,
  type ScheduleId,
  type SeatId,
} from '../../events/ids.js';
import type { OrderItem, Sold } from '../../events/order-events.js';
import { featuresOf } from '../../events/seat-features.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import type { QueueToken } from '../queue/queue-admission.js';
import { StreamRepository } from '../stream-repository.js';
import { CheckoutProcess, type CheckoutResult } from './checkout-process.js';

export const paySchema = z.strictObject({
  /** The holds to pay for; all the fan's live holds when absent. */
  holdIds: z.array(holdIdSchema).min(1).max(20).optional(),
});

/** Pays for held seats with points: all seats are reserved, or no points are taken. */
export class Pay extends Command<CheckoutResult> {
  constructor(
    readonly queueToken: QueueToken,
    readonly input: z.infer<typeof paySchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Orders that one set of holds may have: all but the last have failed. */
const maxOrdersPerHolds = 20;

@CommandHandler(Pay)
export class PayHandler implements ICommandHandler<Pay> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly checkout: CheckoutProcess,
    private readonly catalog: CatalogReader,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws {Rejected} nothing-to-pay, hold-unknown, hold-ended, hold-in-progress, hold-lapsed, seat-taken, not-on-sale,
   * companion-needs-wheelchair, seat-not-for-sale, insufficient-points, token-ended, token-unknown, idempotency-key-reused, busy
   */
  async execute({ queueToken, input, context }: Pay): Promise<CheckoutResult> {
    const { state: token } = await this.repository.load(tokenDecider, streams.token(queueToken.tokenId));
    if (token.kind === 'none') throw refuse('token-unknown', 'Join the queue of this performance first.');
    // A hold named twice is paid for once.
    const holdIds = [...new Set(input.holdIds ?? liveHoldIds(token))].sort();
    const { orderId, state: earlier } = await this.#findOrder(queueToken, holdIds);
    if (earlier.kind === 'none') await this.#placeOnce(queueToken, token, holdIds, orderId, context);
    return this.checkout.advanceOrThrow(orderId, context);
  }

  /**
   * The order of these holds: its id derives from them, so that paying twice, even with other idempotency keys,
   * is one order. An order that failed leaves its number behind and the next one is tried.
   */
  async #findOrder(
    queueToken: QueueToken,
    holdIds: readonly HoldId[],
  ): Promise<{ orderId: OrderId; state: OrderState }> {
    if (holdIds.length === 0) return this.#lastOrder(queueToken);
    for (let attempt = 0; attempt < maxOrdersPerHolds; attempt++) {
      const orderId = orderIdSchema.parse(deriveId('order', queueToken.tokenId, ...holdIds, attempt));
      const { state } = await this.repository.load(orderDecider, streams.order(orderId));
      const hasFailed = state.kind === 'closed' && state.cause.kind === 'failed';
      if (!hasFailed) return { orderId, state };
    }
    throw refuse(
      'nothing-to-pay',
      'Paying for these seats failed too many times: release them and start again.',
    );
  }

  /** The order that completed the token: a repeated request finds it although nothing is held any more. */
  async #lastOrder(queueToken: QueueToken): Promise<{ orderId: OrderId; state: OrderState }> {
    const { state: token } = await this.repository.load(tokenDecider, streams.token(queueToken.tokenId));
    if (token.kind === 'ended' && token.end.kind === 'completed') {
      const { orderId } = token.end;
      return { orderId, state: (await this.repository.load(orderDecider, streams.order(orderId))).state };
    }
    if (token.kind === 'ended') throw new Rejected(tokenEnded.rejection);
    // A fan whose hold has ended because its date was cancelled reads that, rather than that there is nothing to pay.
    const dates = token.kind === 'none' ? [] : [...token.holds.values()].map(({ scheduleId }) => scheduleId);
    for (const scheduleId of new Set(dates)) await this.#dateOnSale(scheduleId);
    throw refuse('nothing-to-pay', 'You hold no seats: choose some first.');
  }

  /**
   * Places the order, unless another run of the same payment placed it meanwhile. That run may have spent the points and
   * reserved the seats already, so a refusal here does not count once the order exists.
   */
  async #placeOnce(
    queueToken: QueueToken,
    token: Exclude<TokenState, { kind: 'none' }>,
    holdIds: readonly HoldId[],
    orderId: OrderId,
    context: CommandContext,
  ): Promise<void> {
    try {
      await this.#place(queueToken, token, holdIds, orderId, context);
    } catch (error) {
      const { state } = await this.repository.load(orderDecider, streams.order(orderId));
      if (state.kind === 'none') throw error;
    }
  }

  async #place(
    { tokenId, userId, performanceId }: QueueToken,
    token: Exclude<TokenState, { kind: 'none' }>,
    holdIds: readonly HoldId[],
    orderId: OrderId,
    context: CommandContext,
  ): Promise<void> {
    if (token.kind === 'ended') throw new Rejected(tokenEnded.rejection);
    const items: OrderItem[] = [];
    for (const holdId of holdIds) {
      const hold = token.holds.get(holdId);
      if (!hold) throw refuse('hold-unknown', `You have no hold ${holdId}.`, { holdId });
      items.push(...(await this.#itemsOf(hold, holdId)));
    }
    const total = items.reduce((sum, item) => sum + item.price, 0);
    // Avoids an order that cannot be paid; the wallet decides again when the points are spent.
    const { balance } = (await this.repository.load(walletDecider, streams.wallet(userId))).state;
    if (total > balance) throw new Rejected(insufficientPoints(total, balance).rejection);
    const place = { kind: 'place', orderId, userId, tokenId, performanceId, items, total } as const;
    await this.deciders.executeOrThrow(orderDecider, streams.order(orderId), place, context);
  }

  async #itemsOf(hold: TokenHold, holdId: HoldId): Promise<OrderItem[]> {
    const priced: { readonly seatId: SeatId; readonly price: number }[] = [];
    const { scheduleId } = hold;
    // First: a hold that ended because its date was cancelled cannot be held again.
    await this.#dateOnSale(scheduleId);
    if (!isWhole(hold)) throw refuse('hold-ended', 'This hold has ended: hold the seats again.', { holdId });
    for (const seatId of hold.seatIds) {
      const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
      if (this.clock.now() >= hold.expiresAt) {
        throw refuse('hold-lapsed', 'The hold has lapsed: hold the seats again.', { holdId, seatId });
      }
      if (state.kind !== 'held' || state.holdId !== holdId) {
        throw refuse('hold-in-progress', 'These seats are being held right now: try again in a moment.', {
          holdId,
        });
      }
      priced.push({ seatId, price: state.price });
    }
    // Read after the seats: an import looks for held seats after it has changed the plan or the hall.
    const wordsOf = await this.#ticketsOf(scheduleId);
    return priced.map((item) => ({ scheduleId, holdId, ...item, sold: wordsOf(item.seatId) }));
  }

  /**
   * What tickets of a date say, by seat.
   * @throws {Rejected} not-on-sale when the date is cancelled or has begun; the function: seat-not-for-sale for a seat
   * that is not in the plan, which an import has changed.
   */
  async #ticketsOf(scheduleId: ScheduleId): Promise<(seatId: SeatId) => Sold> {
    const { performanceId, venueId, startsAt, timeZone } = await this.#dateOnSale(scheduleId);
    const { name: performanceName } = await this.catalog.performance(performanceId);
    const venue = await this.catalog.venue(venueId, { isFresh: true });
    const venueName = venue.details?.name;
    return (seatId) => {
      const seat = findSeat(venue, seatId);
      if (!seat || venueName === undefined) {
        const message = `Seat ${seatId} is not in the seating plan any more, no points were taken: release it and choose another.`;
        throw refuse('seat-not-for-sale', message, { scheduleId, seatId });
      }
      const { sectionName, row, number, category } = seat;
      const where = { venueId, venueName, startsAt, timeZone };
      return { performanceName, ...where, sectionName, row, number, category, ...featuresOf(seat) };
    };
  }

  /** @throws {Rejected} not-on-sale when the date is cancelled or has begun. */
  async #dateOnSale(scheduleId: ScheduleId): Promise<PublishedSchedule> {
    const schedule = await this.catalog.schedule(scheduleId, { isFresh: true });
    if (schedule.status === 'cancelled') {
      throw refuse('not-on-sale', 'This date was cancelled: no points were taken.', { scheduleId });
    }
    if (this.clock.now() >= schedule.startsAt) {
      throw refuse('not-on-sale', 'The performance has begun: no points were taken.', { scheduleId });
    }
    return schedule;
  }
}

function liveHoldIds(token: Exclude<TokenState, { kind: 'none' }>): HoldId[] {
  if (token.kind === 'ended') return [];
  return [...token.holds].filter(([, hold]) => hold.outstanding.length > 0).map(([holdId]) => holdId);
}
