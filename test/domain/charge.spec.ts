import { chargeDecider } from '../../src/domain/charge.js';
import { chargeIdSchema, paymentIdSchema, userIdSchema } from '../../src/events/ids.js';
import type { ChargeEvent } from '../../src/events/wallet-events.js';
import { given, named } from './given.js';

const charge = { chargeId: named(chargeIdSchema, 'a'), userId: named(userIdSchema, 'mina'), amount: 100 };
const request = { kind: 'request', ...charge, paymentMethod: 'card' } as const;
const paymentId = paymentIdSchema.parse('pay-1');
const requested: ChargeEvent = { type: 'ChargeRequested', data: { ...charge, paymentMethod: 'card' } };
const approved: ChargeEvent = { type: 'ChargeApproved', data: { ...charge, paymentId } };
const declined: ChargeEvent = { type: 'ChargeDeclined', data: { ...charge, reason: 'no funds' } };
const approve = { kind: 'approve', paymentId } as const;
const decline = { kind: 'decline', reason: 'no funds' } as const;
const unclear: ChargeEvent = {
  type: 'ChargeNeedsAttention',
  data: { ...charge, cause: 'payment-unclear', reason: 'a conflict' },
};
const closed: ChargeEvent = {
  type: 'ChargeNeedsAttention',
  data: { ...charge, cause: 'wallet-closed', reason: 'the account was erased' },
};
const settled = (outcome: 'credited' | 'rejected'): ChargeEvent => ({
  type: 'ChargeSettled',
  data: { ...charge, outcome, reason: 'looked up' },
});
const needAttention = { kind: 'need-attention', cause: 'payment-unclear', reason: 'a conflict' } as const;
const walletClosed = {
  kind: 'need-attention',
  cause: 'wallet-closed',
  reason: 'the account was erased',
} as const;
const settle = (outcome: 'credited' | 'rejected') =>
  ({ kind: 'settle', outcome, reason: 'looked up' }) as const;
const past = (...history: ChargeEvent[]) => given(chargeDecider, history);

describe('a charge', () => {
  it('is requested once, and a repeated request changes nothing at any stage', () => {
    expect(past().when(request)).toEqual([requested]);
    for (const history of [[requested], [requested, approved], [requested, declined]]) {
      expect(past(...history).when(request)).toEqual([]);
    }
  });

  it.each([
    ['amount', { amount: 101 }],
    ['card', { paymentMethod: 'other' }],
    ['fan', { userId: named(userIdSchema, 'jun') }],
  ])('refuses the same id with another %s', (_, change) =>
    expect(past(requested).when({ ...request, ...change })).toBe('idempotency-key-reused'),
  );

  it('takes the first final answer and ignores later ones', () => {
    expect(past(requested).when(approve)).toEqual([approved]);
    expect(past(requested).when(decline)).toEqual([declined]);
    expect(past(requested, approved).when(decline)).toEqual([]);
    expect(past(requested, declined).when(approve)).toEqual([]);
    expect(past(requested, approved).state.kind).toBe('approved');
    expect(past(requested, declined).state.kind).toBe('declined');
  });

  it('keeps the request to the payment system as it was made first', () => {
    const payment = { reference: 'points', callbackUrl: 'http://old/callbacks' };
    const frozen: ChargeEvent = { ...requested, data: { ...requested.data, payment } };
    expect(past().when({ ...request, payment })).toEqual([frozen]);
    const moved = { ...request, payment: { ...payment, callbackUrl: 'http://new/callbacks' } };
    expect(past(frozen).when(moved)).toEqual([]);
    expect(past(frozen).state).toMatchObject({ payment });
  });

  it('is left to an operator once, and only while it is open', () => {
    expect(past(requested).when(needAttention)).toEqual([unclear]);
    for (const history of [[unclear], [approved], [declined], [unclear, settled('rejected')]])
      expect(past(requested, ...history).when(needAttention)).toEqual([]);
    expect(past(requested, approved).when(walletClosed)).toEqual([closed]);
    for (const history of [[], [unclear], [declined], [approved, closed]])
      expect(past(requested, ...history).when(walletClosed)).toEqual([]);
  });

  it('takes a final answer that comes before the operator’s, unless the money was known', () => {
    expect(past(requested, unclear).when(approve)).toEqual([approved]);
    expect(past(requested, unclear).when(decline)).toEqual([declined]);
    expect(past(requested, approved, closed).when(approve)).toEqual([]);
    expect(past(requested, approved, closed).when(decline)).toEqual([]);
  });

  it('is settled once by an operator, who may repeat the decision and not change it', () => {
    for (const outcome of ['credited', 'rejected'] as const) {
      expect(past(requested, unclear).when(settle(outcome))).toEqual([settled(outcome)]);
      expect(past(requested, unclear, settled(outcome)).when(settle(outcome))).toEqual([]);
      const other = outcome === 'credited' ? 'rejected' : 'credited';
      expect(past(requested, unclear, settled(outcome)).when(settle(other))).toBe('charge-not-settleable');
      for (const history of [[requested], [requested, approved], [requested, declined]])
        expect(past(...history).when(settle(outcome))).toBe('charge-not-settleable');
      expect(past().when(settle(outcome))).toBe('charge-unknown');
    }
    expect(past(requested, unclear, settled('credited')).state.kind).toBe('approved');
    expect(past(requested, unclear, settled('rejected')).state.kind).toBe('declined');
    for (const answer of [approve, decline])
      expect(past(requested, unclear, settled('rejected')).when(answer)).toEqual([]);
  });

  it('cannot be answered before it was requested', () => {
    expect(past(approved, declined).state).toEqual({ kind: 'none' });
    expect(past().when(approve)).toBe('charge-unknown');
    expect(past().when(decline)).toBe('charge-unknown');
  });
});
