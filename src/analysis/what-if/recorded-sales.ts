import type { HoldId, OrderId, ScheduleId, SeatId } from '../../events/ids.js';
import type { OrderEvent } from '../../events/order-events.js';
import type { DomainEvent } from '../../events/registry.js';
import { Tally } from './outcome.js';
import type { HoldTrace, Trace } from './trace.js';

type DataOf<Type extends OrderEvent['type']> = Extract<OrderEvent, { type: Type }>['data'];

/** What became of the seats of one performance. */
export class RecordedSales {
  /** Seats held or sold, `scheduleId seatId`. */
  readonly #taken = new Set<string>();
  readonly #orders = new Map<OrderId, readonly HoldTrace[]>();
  readonly #sales: { readonly seats: 1 | -1; readonly atMs: number }[] = [];
  readonly #holds = new Set<HoldId>();
  readonly #lapsed = new Set<HoldId>();

  get taken(): number {
    return this.#taken.size;
  }

  placeOrder({ orderId, items }: DataOf<'OrderPlaced'>, trace: Trace, atMs: number): void {
    const holdIds = new Set(items.map(({ holdId }) => holdId));
    const holds = [...holdIds].flatMap((holdId) => trace.holds.get(holdId) ?? []);
    for (const hold of holds) hold.orderedAtMs = atMs;
    this.#orders.set(orderId, holds);
  }

  /** @returns whether the order is of this performance. */
  settleOrder(event: Extract<OrderEvent, { type: 'OrderPaid' | 'OrderCancelled' }>, atMs: number): boolean {
    const holds = this.#orders.get(event.data.orderId);
    for (const hold of holds ?? []) {
      if (event.type === 'OrderPaid') hold.paidAtMs = atMs;
      else hold.cancelledAtMs = atMs;
    }
    return holds !== undefined;
  }

  applySeat(event: DomainEvent, atMs: number): void {
    switch (event.type) {
      case 'SeatHeld':
        this.#taken.add(keyOf(event.data));
        this.#holds.add(event.data.holdId);
        return;
      case 'SeatHoldExpired':
        this.#taken.delete(keyOf(event.data));
        this.#lapsed.add(event.data.holdId);
        return;
      case 'SeatHoldReleased':
        this.#taken.delete(keyOf(event.data));
        // A race lost half-way is no hold anybody had.
        if (event.data.reason === 'conflict') this.#holds.delete(event.data.holdId);
        return;
      case 'SeatReserved':
        this.#sales.push({ seats: 1, atMs });
        return;
      case 'SeatReservationCancelled':
        this.#taken.delete(keyOf(event.data));
        this.#sales.push({ seats: -1, atMs });
        return;
      default:
        return; // only these name a seat
    }
  }

  /** What is known of the seats, to be completed by what is known of the fans. */
  tally(openedAtMs: number): Tally {
    const tally = new Tally(openedAtMs);
    tally.holds = this.#holds.size;
    tally.lapsedHolds = this.#lapsed.size;
    for (const { seats, atMs } of this.#sales) tally.sell(seats, atMs);
    return tally;
  }
}

function keyOf({ scheduleId, seatId }: { readonly scheduleId: ScheduleId; readonly seatId: SeatId }): string {
  return `${scheduleId} ${seatId}`;
}
