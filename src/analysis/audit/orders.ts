import { addMs, type Instant, type OrderId, type UserId } from '../../events/ids.js';
import type { OrderItem } from '../../events/order-events.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { type SeatOwners, seatKey } from './seats.js';

interface AuditedOrder {
  readonly userId: UserId;
  readonly items: readonly OrderItem[];
  readonly total: number;
  /** `undoing`: failed or cancelled, with seats or points not yet given back. */
  readonly status: 'placed' | 'paid' | 'undoing' | 'closed';
  /** The order's last event. */
  readonly at: Instant;
  readonly ref: EventRef;
}

/** Tracks every order to its end. Other checks look orders up here. */
export class Orders implements CheckGroup {
  readonly #orders = new Map<OrderId, AuditedOrder>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    OrderPlaced: (fact) => this.#place(fact),
    OrderPaid: (fact) => {
      const order = this.#move(fact, ['placed'], 'paid');
      if (!order) return;
      const { total } = fact.data;
      this.findings.expect(
        'order-total',
        total === order.total,
        () => `the order was placed for ${order.total} points and paid with ${total}`,
        fact.ref,
      );
    },
    OrderFailed: (fact) => void this.#move(fact, ['placed'], 'undoing'),
    OrderCancelled: (fact) => void this.#move(fact, ['paid'], 'undoing'),
    OrderRefunded: (fact) => void this.#move(fact, ['undoing'], 'closed'),
  };

  get(orderId: OrderId): AuditedOrder | undefined {
    return this.#orders.get(orderId);
  }

  entries(): IterableIterator<[OrderId, AuditedOrder]> {
    return this.#orders.entries();
  }

  finish(now: Instant): void {
    for (const [orderId, order] of this.#orders) {
      if (order.status === 'paid' || order.status === 'closed') continue;
      this.findings.expect(
        'order-overdue',
        now <= addMs(order.at, this.options.settleMs),
        () => `order ${orderId} is ${order.status} since ${order.at}`,
        order.ref,
      );
    }
  }

  #place({ data, at, ref }: Fact<'OrderPlaced'>): void {
    const { orderId, userId, items, total } = data;
    const known = this.#orders.get(orderId);
    this.findings.expect(
      'order-transition',
      known === undefined,
      () => `order ${orderId} is placed again`,
      ref,
      ...(known ? [known.ref] : []),
    );
    const sum = items.reduce((points, item) => points + item.price, 0);
    const isDistinct = new Set(items.map(seatKey)).size === items.length;
    this.findings.expect(
      'order-total',
      sum === total && isDistinct,
      () =>
        `the items of order ${orderId} cost ${sum}, its total is ${total}${isDistinct ? '' : '; a seat is in it twice'}`,
      ref,
    );
    this.#orders.set(orderId, { userId, items, total, status: 'placed', at, ref });
  }

  #move(
    { type, data, at, ref }: Fact<'OrderPaid' | 'OrderFailed' | 'OrderCancelled' | 'OrderRefunded'>,
    from: readonly AuditedOrder['status'][],
    to: AuditedOrder['status'],
  ): AuditedOrder | undefined {
    const order = this.#orders.get(data.orderId);
    this.findings.expect(
      'order-transition',
      order !== undefined && order.userId === data.userId && from.includes(order.status),
      () => `${type} of order ${data.orderId}, which is ${order?.status ?? 'unknown'}`,
      ref,
      ...(order ? [order.ref] : []),
    );
    if (order) this.#orders.set(data.orderId, { ...order, status: to, at, ref });
    return order;
  }
}

/** Compares seats with orders: a seat is reserved if and only if exactly one paid order has it. */
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
    // A second run of the checkout may reserve a seat just after the order failed: undoing frees it again.
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
