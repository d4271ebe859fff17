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

  it('cannot be answered before it was requested', () => {
    expect(past(approved, declined).state).toEqual({ kind: 'none' });
    expect(past().when(approve)).toBe('charge-unknown');
    expect(past().when(decline)).toBe('charge-unknown');
  });
});
