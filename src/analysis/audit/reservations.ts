import type { Instant, OrderId } from '../../events/ids.js';
import type { CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { AuditedOrder, Orders } from './orders.js';
import { type SeatOwners, seatKey } from './seat-owners.js';

/** Holds seats and orders against each other: a seat is reserved if and only if one paid order has it. */
export class Reservations implements CheckGroup {
  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly orders: Orders,
  ) {}

  readonly on: Handlers = {
    SeatReserved: (fact) => this.#expectOrdered(fact),
    SeatReservationCancelled: ({ data, ref }) => {
      const order = this.orders.get(data.orderId);
      this.findings.expect(
        'paid-seats-reserved',
        order?.status === 'undoing',
        () =>
          `seat ${data.seatId} is taken from order ${data.orderId}, which is ${order?.status ?? 'unknown'}`,
        ref,
        ...(order ? [order.ref] : []),
      );
    },
    OrderPaid: ({ data }) => this.#expectSeats(data.orderId),
    OrderRefunded: ({ data, ref }) => {
      const kept = this.orders.get(data.orderId)?.items.find((item) => this.#has(data.orderId, item));
      this.findings.expect(
        'refunded-seats-free',
        kept === undefined,
        () => `order ${data.orderId} was refunded and still has seat ${kept?.seatId}`,
        ref,
      );
    },
  };

  finish(_now: Instant): void {
    for (const [orderId, order] of this.orders.entries()) {
      if (order.status === 'paid') this.#expectSeats(orderId);
    }
    for (const [key, owner] of this.owners.owned()) {
      if (owner.kind !== 'reserved') continue;
      const order = this.orders.get(owner.orderId);
      this.findings.expect(
        'reserved-seats-paid',
        order !== undefined && order.status !== 'closed',
        () => `seat ${key} is reserved for order ${owner.orderId}, which is ${order?.status ?? 'unknown'}`,
        owner.ref,
      );
    }
  }

  #expectOrdered({ data, ref }: Fact<'SeatReserved'>): void {
    const order = this.orders.get(data.orderId);
    const key = seatKey(data);
    const item = order?.items.find((candidate) => seatKey(candidate) === key);
    const hold = this.owners.ownerOf(key)?.hold;
    // A failed order may still reserve a seat a moment later, by a second runner: undoing takes it away again.
    const isOpen = order?.status === 'placed' || order?.status === 'undoing';
    const isSame =
      item !== undefined &&
      order?.userId === data.userId &&
      item.holdId === data.holdId &&
      item.price === data.price &&
      (hold === undefined || hold.price === data.price);
    this.findings.expect(
      'reservation-ordered',
      isOpen && isSame,
      () =>
        `seat ${data.seatId} is reserved for order ${data.orderId} (${order?.status ?? 'unknown'}) differently from its items`,
      ref,
      ...(order ? [order.ref] : []),
    );
  }

  #expectSeats(orderId: OrderId): void {
    const order = this.orders.get(orderId);
    if (!order) return;
    for (const item of order.items) {
      this.findings.expect(
        'paid-seats-reserved',
        this.#has(orderId, item),
        () => `order ${orderId} is paid and does not have seat ${item.seatId}`,
        order.ref,
      );
    }
  }

  #has(orderId: OrderId, item: AuditedOrder['items'][number]): boolean {
    const owner = this.owners.ownerOf(seatKey(item));
    return owner?.kind === 'reserved' && owner.orderId === orderId;
  }
}
