import type { CommandContext } from '../commands/command-context.js';
import type { OrderId, ScheduleId, UserId } from '../events/ids.js';
import { type ItemName, itemKey } from '../events/order-events.js';
import { streams } from '../events/streams.js';
import { earliestDeadline, latestDeadline } from './deadlines.js';
import { catalogMaxAgeMs } from './office.js';
import type { KeptPromises, LogIndex } from './promises.js';
import type { World } from './world.js';

/** An order as its fan or an operator knows it. */
interface KnownOrder {
  readonly orderId: OrderId;
  readonly items: readonly (ItemName & { readonly price: number })[];
}

/** Records requests to give seats back, and checks their effects. */
export class RefundPromises {
  /** By order, the seats that a fan or an operator asked to give back, with success or not. */
  readonly #asked = new Map<OrderId, Set<string>>();

  constructor(
    private readonly promises: KeptPromises,
    private readonly world: World,
  ) {}

  /** How far any process's clock was from true time at most in this run, with a margin, ms. */
  get #clockErrorMs(): number {
    return this.world.faults.counts.has('clock-jump') ? 10_000 : 200;
  }

  /** Call it before the request is sent: a request whose reply is lost may succeed. */
  asks(orderId: OrderId, items: readonly ItemName[]): void {
    const asked = this.#asked.get(orderId) ?? new Set();
    for (const item of items) asked.add(itemKey(item));
    this.#asked.set(orderId, asked);
  }

  /** A paid order: it keeps each seat that is not given back and whose date takes place. */
  paid({ orderId, items }: KnownOrder): void {
    for (const item of items) {
      const { scheduleId, seatId } = item;
      this.promises.add(`order ${orderId} keeps seat ${seatId}, which was not given back`, (log) => {
        if (this.#asked.get(orderId)?.has(itemKey(item)) || log.isCancelled(scheduleId)) return true;
        return timesFreed(log, orderId, item) === 0;
      });
    }
  }

  /** @param items the seats that are given back now, by this request or before. */
  givenBack(userId: UserId, { orderId, items: all }: KnownOrder, items: readonly ItemName[]): void {
    for (const item of items) {
      this.promises.add(`seat ${item.seatId} of order ${orderId} was given back once`, (log) => {
        return timesGivenBack(log, orderId, item) === 1 && timesFreed(log, orderId, item) === 1;
      });
    }
    this.promises.add(`order ${orderId} gave back the points of the seats that it lost`, (log) => {
      const lost = all.filter((item) => timesGivenBack(log, orderId, item) > 0);
      return refundedPoints(log, userId, orderId) === lost.reduce((sum, { price }) => sum + price, 0);
    });
  }

  /** A fan gives seats back: that may succeed only before the deadline of their dates. Call it before it is sent. */
  byFan(orderId: OrderId, { correlationId }: CommandContext, sentAtMs: number): void {
    this.promises.add(`order ${orderId} is given back by its fan in time`, (log) =>
      [
        ...log.ofType('OrderItemsCancelled', streams.order(orderId)),
        ...log.ofType('OrderCancelled', streams.order(orderId)),
      ].every((event) => {
        if (event.correlationId !== correlationId) return true;
        return datesLostBy(log, orderId, event).every(
          (scheduleId) => sentAtMs - this.#clockErrorMs < latestDeadline(log, scheduleId, event.writtenAtMs),
        );
      }),
    );
  }

  /** A fan was refused because the deadline of a date had passed. @param repliedAtMs true time */
  refusedAsLate(orderId: OrderId, items: readonly ItemName[], sentAtMs: number, repliedAtMs: number): void {
    this.promises.add(`order ${orderId} is refused to its fan only after a deadline`, (log) => {
      const errorMs = this.#clockErrorMs;
      // By a clock that jumps back a cached version may be used for longer.
      const readFromMs = sentAtMs - catalogMaxAgeMs - 2 * errorMs;
      return items.some(
        ({ scheduleId }) =>
          repliedAtMs + errorMs >= earliestDeadline(log, scheduleId, readFromMs, repliedAtMs),
      );
    });
  }
}

/** How many cancellations took the seat from the order. */
function timesGivenBack(log: LogIndex, orderId: OrderId, item: ItemName): number {
  const stream = streams.order(orderId);
  const isIt = (other: ItemName) => itemKey(other) === itemKey(item);
  const partly = log.count(stream, 'OrderItemsCancelled', ({ items }) => items.some(isIt));
  // A cancellation of the whole order takes what is left of it.
  return partly + (partly === 0 ? log.count(stream, 'OrderCancelled') : 0);
}

function timesFreed(log: LogIndex, orderId: OrderId, { scheduleId, seatId }: ItemName): number {
  return log.count(
    streams.seat(scheduleId, seatId),
    'SeatReservationCancelled',
    (data) => data.orderId === orderId,
  );
}

function refundedPoints(log: LogIndex, userId: UserId, orderId: OrderId): number {
  const refunds = log.ofType('PointsRefunded', streams.wallet(userId));
  return refunds.reduce((sum, { data }) => sum + (data.orderId === orderId ? data.amount : 0), 0);
}

/** The dates of the seats that a cancellation takes from its order. */
function datesLostBy(
  log: LogIndex,
  orderId: OrderId,
  event: ReturnType<typeof log.ofType<'OrderCancelled' | 'OrderItemsCancelled'>>[number],
): ScheduleId[] {
  if (event.type === 'OrderItemsCancelled') return event.data.items.map(({ scheduleId }) => scheduleId);
  const [placed] = log.ofType('OrderPlaced', streams.order(orderId));
  const left = placed?.data.items.filter(
    (item) =>
      log.count(streams.order(orderId), 'OrderItemsCancelled', ({ items }) =>
        items.some((other) => itemKey(other) === itemKey(item)),
      ) === 0,
  );
  return left?.map(({ scheduleId }) => scheduleId) ?? [];
}
