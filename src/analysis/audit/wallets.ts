import {
  addMs,
  type ChargeId,
  type Instant,
  type OrderId,
  type RefundId,
  type UserId,
} from '../../events/ids.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import type { Orders } from './orders.js';

interface OrderPoints {
  readonly spent: number | undefined;
  /** By refunds of single seats. */
  readonly byRefund: ReadonlyMap<RefundId, number>;
  /** By the refund that closed the order. */
  readonly closing: number | undefined;
}

const noPoints: OrderPoints = { spent: undefined, byRefund: new Map(), closing: undefined };

function refundedOf({ byRefund, closing = 0 }: OrderPoints): number {
  let sum = closing;
  for (const amount of byRefund.values()) sum += amount;
  return sum;
}

/** Tracks every wallet's balance, and the points each order spent and refunded. */
export class Wallets implements CheckGroup {
  readonly #balances = new Map<UserId, number>();
  readonly #closed = new Map<UserId, EventRef>();
  readonly #orderPoints = new Map<OrderId, OrderPoints>();
  /** Sums over all wallets, in points. */
  readonly totals = { charged: 0, spent: 0, refunded: 0 };

  constructor(
    private readonly findings: Findings,
    private readonly orders: Orders,
  ) {}

  readonly on: Handlers = {
    PointsCharged: (fact) => {
      this.totals.charged += fact.data.amount;
      this.#expectOpen(fact);
      this.#book(fact, fact.data.amount);
    },
    PointsSpent: (fact) => {
      this.totals.spent += fact.data.amount;
      this.#expectOpen(fact);
      this.#book(fact, -fact.data.amount);
      this.#spend(fact);
    },
    PointsRefunded: (fact) => {
      this.totals.refunded += fact.data.amount;
      this.#book(fact, fact.data.amount);
      this.#refund(fact);
    },
    WalletClosed: ({ data, ref }) => {
      const balance = this.#balances.get(data.userId) ?? 0;
      this.findings.expect(
        'wallet-balance',
        data.balance === balance,
        () => `the wallet of ${data.userId} is closed with ${data.balance} points, it should have ${balance}`,
        ref,
      );
      this.#closed.set(data.userId, ref);
    },
    OrderPaid: ({ data, ref }) => {
      const points = this.#orderPoints.get(data.orderId);
      this.findings.expect(
        'order-points-agree',
        points?.spent === data.total && refundedOf(points) === 0,
        () =>
          `order ${data.orderId} is paid with ${data.total} points, its wallet spent ${points?.spent ?? 'nothing'}`,
        ref,
      );
    },
    OrderItemsRefunded: ({ data, ref }) => {
      const refunded = this.#orderPoints.get(data.orderId)?.byRefund.get(data.refundId);
      this.findings.expect(
        'order-points-agree',
        refunded === data.amount,
        () =>
          `seats of order ${data.orderId} are refunded ${data.amount} points, its wallet got ${refunded ?? 'nothing'}`,
        ref,
      );
    },
    OrderRefunded: ({ data, ref }) => {
      const refunded = this.#orderPoints.get(data.orderId)?.closing;
      this.findings.expect(
        'order-points-agree',
        refunded === data.amount,
        () =>
          `order ${data.orderId} is refunded ${data.amount} points, its wallet got ${refunded ?? 'nothing'}`,
        ref,
      );
    },
  };

  /** Points in all wallets, as stated by their last events. */
  balance(): number {
    let sum = 0;
    for (const balance of this.#balances.values()) sum += balance;
    return sum;
  }

  #expectOpen({ data, type, ref }: Fact<'PointsCharged' | 'PointsSpent'>): void {
    const closed = this.#closed.get(data.userId);
    this.findings.expect(
      'wallet-closed',
      closed === undefined,
      () => `${type} in the wallet of ${data.userId}, which was closed before`,
      ref,
      ...(closed ? [closed] : []),
    );
  }

  #book({ data, ref }: Fact<'PointsCharged' | 'PointsSpent' | 'PointsRefunded'>, change: number): void {
    const before = this.#balances.get(data.userId) ?? 0;
    const after = before + change;
    this.findings.expect(
      'wallet-not-negative',
      after >= 0,
      () => `${data.userId} spends ${-change} of ${before} points`,
      ref,
    );
    // The schema allows no negative balance: an overdraft is one finding, not two.
    this.findings.expect(
      'wallet-balance',
      after < 0 || data.balance === after,
      () => `the balance of ${data.userId} is recorded as ${data.balance}, it should be ${after}`,
      ref,
    );
    this.#balances.set(data.userId, data.balance);
  }

  #spend({ data, ref }: Fact<'PointsSpent'>): void {
    const order = this.orders.get(data.orderId);
    const points = this.#orderPoints.get(data.orderId);
    const isOpen = order?.status === 'placed' || order?.status === 'undoing';
    this.findings.expect(
      'order-spent-once',
      isOpen && order.userId === data.userId && order.total === data.amount && points === undefined,
      () =>
        `${data.userId} spends ${data.amount} points for order ${data.orderId} (${order?.status ?? 'unknown'}) again or wrongly`,
      ref,
      ...(order ? [order.ref] : []),
    );
    this.#orderPoints.set(data.orderId, { ...(points ?? noPoints), spent: data.amount });
  }

  #refund({ data, ref }: Fact<'PointsRefunded'>): void {
    const { orderId, refundId, amount } = data;
    const order = this.orders.get(orderId);
    const points = this.#orderPoints.get(orderId) ?? noPoints;
    const { spent = 0, byRefund, closing } = points;
    const isOwn = order?.userId === data.userId && closing === undefined;
    const isDue =
      refundId === undefined
        ? order?.status === 'undoing' && amount === spent - refundedOf(points)
        : order?.refunds.get(refundId)?.amount === amount && !byRefund.has(refundId);
    this.findings.expect(
      'order-refunded-once',
      isOwn && isDue && refundedOf(points) + amount <= spent,
      () =>
        `${amount} points go back for order ${orderId} (${order?.status ?? 'unknown'}), which spent ${spent} and got ${refundedOf(points)} back`,
      ref,
      ...(order ? [order.ref] : []),
    );
    const next =
      refundId === undefined
        ? { ...points, closing: amount }
        : { ...points, byRefund: new Map(byRefund).set(refundId, amount) };
    this.#orderPoints.set(orderId, next);
  }
}

interface AuditedCharge {
  readonly userId: UserId;
  readonly amount: number;
  readonly status: 'requested' | 'approved' | 'declined' | 'credited' | 'needs-attention';
  readonly at: Instant;
  readonly ref: EventRef;
}

/** Tracks every charge from the request to the points in the wallet. */
export class Charges implements CheckGroup {
  readonly #charges = new Map<ChargeId, AuditedCharge>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    ChargeRequested: ({ data, at, ref }) => {
      const { chargeId, userId, amount } = data;
      const known = this.#charges.get(chargeId);
      this.findings.expect(
        'charge-outcome',
        known === undefined,
        () => `charge ${chargeId} is requested again`,
        ref,
        ...(known ? [known.ref] : []),
      );
      this.#charges.set(chargeId, { userId, amount, status: 'requested', at, ref });
    },
    ChargeApproved: (fact) => this.#decide(fact, 'approved', ['requested', 'needs-attention']),
    ChargeDeclined: (fact) => this.#decide(fact, 'declined', ['requested', 'needs-attention']),
    ChargeNeedsAttention: (fact) =>
      this.#decide(fact, 'needs-attention', [fact.data.cause === 'wallet-closed' ? 'approved' : 'requested']),
    ChargeSettled: (fact) =>
      this.#decide(fact, fact.data.outcome === 'credited' ? 'approved' : 'declined', ['needs-attention']),
    PointsCharged: ({ data, at, ref }) => {
      const charge = this.#charges.get(data.chargeId);
      this.findings.expect(
        'charge-credited-once',
        charge?.status === 'approved' && charge.userId === data.userId && charge.amount === data.amount,
        () =>
          `${data.amount} points are credited for charge ${data.chargeId}, which is ${charge?.status ?? 'unknown'}`,
        ref,
        ...(charge ? [charge.ref] : []),
      );
      if (charge) this.#charges.set(data.chargeId, { ...charge, status: 'credited', at, ref });
    },
  };

  finish(now: Instant): void {
    for (const [chargeId, charge] of this.#charges) {
      if (charge.status !== 'approved') continue;
      this.findings.expect(
        'charge-overdue',
        now <= addMs(charge.at, this.options.settleMs),
        () => `charge ${chargeId} was approved at ${charge.at} and is not credited`,
        charge.ref,
      );
    }
  }

  #decide(
    { data, at, ref }: Fact<'ChargeApproved' | 'ChargeDeclined' | 'ChargeNeedsAttention' | 'ChargeSettled'>,
    status: 'approved' | 'declined' | 'needs-attention',
    from: readonly AuditedCharge['status'][],
  ): void {
    const { chargeId, userId, amount } = data;
    const charge = this.#charges.get(chargeId);
    this.findings.expect(
      'charge-outcome',
      charge !== undefined &&
        from.includes(charge.status) &&
        charge.userId === userId &&
        charge.amount === amount,
      () => `charge ${chargeId} becomes ${status} while it is ${charge?.status ?? 'unknown'}`,
      ref,
      ...(charge ? [charge.ref] : []),
    );
    this.#charges.set(chargeId, { userId, amount, status, at, ref });
  }
}
