import {
  addMs,
  type Instant,
  type OrderId,
  type RefundId,
  type ScheduleId,
  type UserId,
} from '../../events/ids.js';
import type { OrderItem } from '../../events/order-events.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { type SeatOwners, seatKey } from './seats.js';

interface AuditedOrder {
  readonly userId: UserId;
  readonly items: readonly OrderItem[];
  /** Seats given back while the rest of the order stood, by refund. */
  readonly refunds: ReadonlyMap<RefundId, AuditedRefund>;
  readonly total: number;
  /** `undoing`: failed or cancelled, with seats or points not yet given back. */
  readonly status: 'placed' | 'paid' | 'undoing' | 'closed';
  /** The order's last event. */
  readonly at: Instant;
  readonly ref: EventRef;
}

interface AuditedRefund {
  readonly keys: ReadonlySet<string>;
  readonly amount: number;
  readonly isDone: boolean;
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
    OrderItemsCancelled: (fact) => this.#cancelItems(fact),
    OrderItemsRefunded: (fact) => this.#finishRefund(fact),
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
      const isRefunding = [...order.refunds.values()].some((refund) => !refund.isDone);
      if (order.status === 'closed' || (order.status === 'paid' && !isRefunding)) continue;
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
    this.#orders.set(orderId, { userId, items, refunds: new Map(), total, status: 'placed', at, ref });
  }

  /** Each seat is given back by one refund, for the price that it was sold at. */
  #cancelItems({ data, at, ref }: Fact<'OrderItemsCancelled'>): void {
    const order = this.#orders.get(data.orderId);
    const keys = new Set(data.items.map(seatKey));
    const wanted = order?.items.filter((item) => keys.has(seatKey(item))) ?? [];
    const isEachOnce =
      wanted.length === keys.size &&
      keys.size === data.items.length &&
      wanted.every((item) => order && hasItem(order, item));
    const price = wanted.reduce((sum, item) => sum + item.price, 0);
    const isRight =
      order?.status === 'paid' &&
      order.userId === data.userId &&
      !order.refunds.has(data.refundId) &&
      isEachOnce &&
      price === data.amount;
    this.findings.expect(
      'order-items-refunded-once',
      isRight,
      () =>
        `${data.items.length} seats of order ${data.orderId} (${order?.status ?? 'unknown'}) are given back for ${data.amount} points, again or wrongly`,
      ref,
      ...(order ? [order.ref] : []),
    );
    if (!order) return;
    const refunds = new Map(order.refunds).set(data.refundId, { keys, amount: data.amount, isDone: false });
    this.#orders.set(data.orderId, { ...order, refunds, at, ref });
  }

  #finishRefund({ data, at, ref }: Fact<'OrderItemsRefunded'>): void {
    const order = this.#orders.get(data.orderId);
    const refund = order?.refunds.get(data.refundId);
    this.findings.expect(
      'order-items-refunded-once',
      order?.userId === data.userId && refund?.isDone === false && refund.amount === data.amount,
      () => `a refund of ${data.amount} points of order ${data.orderId} ends without having begun, or again`,
      ref,
      ...(order ? [order.ref] : []),
    );
    if (!order || !refund) return;
    const refunds = new Map(order.refunds).set(data.refundId, { ...refund, isDone: true });
    this.#orders.set(data.orderId, { ...order, refunds, at, ref });
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

function isGivenBack(order: AuditedOrder, key: string): boolean {
  for (const { keys } of order.refunds.values()) if (keys.has(key)) return true;
  return false;
}

/** Whether the seat was not given back while the rest of the order stood. */
export function hasItem(order: AuditedOrder, item: OrderItem): boolean {
  return !isGivenBack(order, seatKey(item));
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
        order?.status === 'undoing' || (order?.status === 'paid' && isGivenBack(order, seatKey(data))),
        () =>
          `seat ${data.seatId} is taken from order ${data.orderId}, which is ${order?.status ?? 'unknown'}`,
        ref,
        ...(order ? [order.ref] : []),
      );
    },
    OrderPaid: ({ data }) => this.#expectSeats(data.orderId),
    OrderItemsRefunded: ({ data, ref }) => {
      const keys = this.orders.get(data.orderId)?.refunds.get(data.refundId)?.keys;
      const kept = this.orders
        .get(data.orderId)
        ?.items.find((item) => keys?.has(seatKey(item)) && this.#has(data.orderId, item));
      this.findings.expect(
        'refunded-seats-free',
        kept === undefined,
        () => `seat ${kept?.seatId} of order ${data.orderId} was refunded and is still reserved`,
        ref,
      );
    },
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
      if (!hasItem(order, item)) continue;
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

/** No seat stays reserved on a date whose cancellation is settled. */
export class Cancellations implements CheckGroup {
  /** By date, since when its refunds have run. */
  readonly #settled = new Map<ScheduleId, Instant>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    ScheduleCancellationSettled: ({ data, at }) => {
      this.#settled.set(data.scheduleId, at);
    },
  };

  finish(now: Instant): void {
    if (this.#settled.size === 0) return;
    for (const [key, owner] of this.owners.owned()) {
      const settledAt = this.#settled.get(owner.scheduleId);
      if (owner.kind !== 'reserved' || settledAt === undefined) continue;
      // An order that was being paid in the moment of the cancellation is refunded a little later.
      const since = [owner.at, settledAt].sort()[1] ?? settledAt;
      this.findings.expect(
        'cancelled-date-refunded',
        now <= addMs(since, this.options.settleMs),
        () =>
          `seat ${key} is reserved by order ${owner.orderId} on a cancelled date, settled at ${settledAt}`,
        owner.ref,
      );
    }
  }
}
