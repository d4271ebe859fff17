import type { OrderId, UserId } from '../../events/ids.js';
import type { CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { Orders } from './orders.js';

interface OrderPoints {
  readonly spent: number | undefined;
  readonly refunded: number | undefined;
}

/** Follows every wallet's balance and what each order took and gave back. */
export class Wallets implements CheckGroup {
  readonly #balances = new Map<UserId, number>();
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
      this.#book(fact, fact.data.amount);
    },
    PointsSpent: (fact) => {
      this.totals.spent += fact.data.amount;
      this.#book(fact, -fact.data.amount);
      this.#spend(fact);
    },
    PointsRefunded: (fact) => {
      this.totals.refunded += fact.data.amount;
      this.#book(fact, fact.data.amount);
      this.#refund(fact);
    },
    OrderPaid: ({ data, ref }) => {
      const points = this.#orderPoints.get(data.orderId);
      this.findings.expect(
        'order-points-agree',
        points?.spent === data.total && points.refunded === undefined,
        () =>
          `order ${data.orderId} is paid with ${data.total} points, its wallet spent ${points?.spent ?? 'nothing'}`,
        ref,
      );
    },
    OrderRefunded: ({ data, ref }) => {
      const refunded = this.#orderPoints.get(data.orderId)?.refunded;
      this.findings.expect(
        'order-points-agree',
        refunded === data.amount,
        () =>
          `order ${data.orderId} is refunded ${data.amount} points, its wallet got ${refunded ?? 'nothing'}`,
        ref,
      );
    },
  };

  /** Points in all wallets, as their last events state them. */
  balance(): number {
    let sum = 0;
    for (const balance of this.#balances.values()) sum += balance;
    return sum;
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
    // What would be negative can't be recorded as such: that is one finding, not two.
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
    this.#orderPoints.set(data.orderId, { spent: data.amount, refunded: points?.refunded });
  }

  #refund({ data, ref }: Fact<'PointsRefunded'>): void {
    const order = this.orders.get(data.orderId);
    const points = this.#orderPoints.get(data.orderId);
    const isDue =
      order?.status === 'undoing' && order.userId === data.userId && points?.refunded === undefined;
    this.findings.expect(
      'order-refunded-once',
      isDue && data.amount === (points?.spent ?? 0),
      () =>
        `${data.amount} points go back for order ${data.orderId} (${order?.status ?? 'unknown'}), which spent ${points?.spent ?? 0}`,
      ref,
      ...(order ? [order.ref] : []),
    );
    this.#orderPoints.set(data.orderId, { spent: points?.spent, refunded: data.amount });
  }
}
