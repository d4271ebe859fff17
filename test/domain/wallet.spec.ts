import { walletDecider } from '../../src/domain/wallet.js';
import { chargeIdSchema, orderIdSchema, refundIdSchema, userIdSchema } from '../../src/events/ids.js';
import type { WalletEvent } from '../../src/events/wallet-events.js';
import { given, named } from './given.js';

const userId = named(userIdSchema, 'mina');
const chargeId = (name: string) => named(chargeIdSchema, name);
const orderId = (name: string) => named(orderIdSchema, name);
const charged = (name: string, amount: number, balance: number): WalletEvent => ({
  type: 'PointsCharged',
  data: { userId, chargeId: chargeId(name), amount, balance },
});
const spent = (name: string, amount: number, balance: number): WalletEvent => ({
  type: 'PointsSpent',
  data: { userId, orderId: orderId(name), amount, balance },
});
const refunded = (name: string, amount: number, balance: number): WalletEvent => ({
  type: 'PointsRefunded',
  data: { userId, orderId: orderId(name), amount, balance },
});
const credit = (name: string, amount: number) =>
  ({ kind: 'credit', userId, chargeId: chargeId(name), amount }) as const;
const spend = (name: string, amount: number) =>
  ({ kind: 'spend', userId, orderId: orderId(name), amount }) as const;
const refund = (name: string) => ({ kind: 'refund', userId, orderId: orderId(name) }) as const;
const refundItems = (name: string, refund: string, amount: number) =>
  ({
    kind: 'refund-items',
    userId,
    orderId: orderId(name),
    refundId: named(refundIdSchema, refund),
    amount,
  }) as const;
const itemsRefunded = (name: string, refund: string, amount: number, balance: number): WalletEvent => ({
  type: 'PointsRefunded',
  data: { userId, orderId: orderId(name), refundId: named(refundIdSchema, refund), amount, balance },
});
const past = (...history: WalletEvent[]) => given(walletDecider, history);

describe('a wallet', () => {
  it('credits a charge once', () => {
    expect(past().when(credit('a', 100))).toEqual([charged('a', 100, 100)]);
    expect(past(charged('a', 100, 100)).when(credit('a', 100))).toEqual([]);
    expect(past(charged('a', 100, 100)).when(credit('b', 50))).toEqual([charged('b', 50, 150)]);
  });

  it('spends down to nothing and not further', () => {
    expect(past(charged('a', 100, 100)).when(spend('x', 100))).toEqual([spent('x', 100, 0)]);
    expect(past(charged('a', 100, 100)).when(spend('x', 101))).toBe('insufficient-points');
    expect(past().when(spend('x', 1))).toBe('insufficient-points');
  });

  it('spends once for each order, whatever is left', () => {
    const history = [charged('a', 100, 100), spent('x', 80, 20)];
    expect(past(...history).when(spend('x', 80))).toEqual([]);
    expect(past(...history).when(spend('y', 80))).toBe('insufficient-points');
  });

  it('spends nothing for a free order, and remembers that it did', () => {
    expect(past().when(spend('x', 0))).toEqual([spent('x', 0, 0)]);
    const { orders } = past(spent('x', 0, 0)).state;
    expect(orders.get(orderId('x'))).toMatchObject({ wasSpent: true, spent: 0, isClosed: false });
  });

  it('refunds what the order spent, once', () => {
    const history = [charged('a', 100, 100), spent('x', 80, 20)];
    expect(past(...history).when(refund('x'))).toEqual([refunded('x', 80, 100)]);
    expect(past(...history, refunded('x', 80, 100)).when(refund('x'))).toEqual([]);
  });

  it('refunds single seats, each once, and the rest with the order', () => {
    const history = [charged('a', 100, 100), spent('x', 80, 20)];
    expect(past(...history).when(refundItems('x', 'one', 30))).toEqual([itemsRefunded('x', 'one', 30, 50)]);
    const half = [...history, itemsRefunded('x', 'one', 30, 50)];
    const once = past(...half);
    expect(once.when(refundItems('x', 'one', 30))).toEqual([]);
    expect(once.when(spend('x', 80))).toEqual([]);
    expect(once.when(refundItems('x', 'two', 50))).toEqual([itemsRefunded('x', 'two', 50, 100)]);
    expect(once.when(refund('x'))).toEqual([refunded('x', 50, 100)]);
    expect(past(...half, refunded('x', 50, 100)).when(refundItems('x', 'two', 50))).toEqual([]);
  });

  it('never gives back more than the order spent', () => {
    const history = [charged('a', 100, 100), spent('x', 80, 20), itemsRefunded('x', 'one', 50, 70)];
    expect(past(...history).when(refundItems('x', 'two', 50))).toEqual([itemsRefunded('x', 'two', 30, 100)]);
    expect(past().when(refundItems('x', 'two', 50))).toEqual([itemsRefunded('x', 'two', 0, 0)]);
  });

  it('bars a refunded order from spending, also one that never spent', () => {
    const spentFirst = [charged('a', 100, 100), spent('x', 80, 20), refunded('x', 80, 100)];
    expect(past(...spentFirst).when(spend('x', 80))).toBe('insufficient-points');
    expect(past(charged('a', 100, 100)).when(refund('x'))).toEqual([refunded('x', 0, 100)]);
    const neverSpent = past(charged('a', 100, 100), refunded('x', 0, 100));
    expect(neverSpent.when(spend('x', 80))).toBe('insufficient-points');
    expect(neverSpent.state.orders.get(orderId('x'))?.wasSpent).toBe(false);
  });

  it('takes no part in anything but refunds once its owner is erased', () => {
    const close = { kind: 'close', userId } as const;
    const closed: WalletEvent = { type: 'WalletClosed', data: { userId, balance: 20 } };
    const history = [charged('a', 100, 100), spent('x', 80, 20)];
    expect(past(...history).when(close)).toEqual([closed]);
    const gone = past(...history, closed);
    expect(gone.when(close)).toEqual([]);
    expect(gone.when(credit('b', 50))).toBe('wallet-closed');
    expect(gone.when(spend('y', 1))).toBe('wallet-closed');
    // What was done before the end may be repeated, and what was sold may be given back.
    expect(gone.when(credit('a', 100))).toEqual([]);
    expect(gone.when(spend('x', 80))).toEqual([]);
    expect(gone.when(refund('x'))).toEqual([refunded('x', 80, 100)]);
  });

  it('says how many points are missing', () => {
    const decision = walletDecider.decide(spend('x', 130), past(charged('a', 100, 100)).state, '' as never);
    expect(decision).toMatchObject({ rejection: { details: { needed: 130, balance: 100 } } });
    expect(decision).toMatchObject({ rejection: { message: expect.stringContaining('charge 30 more') } });
  });
});
