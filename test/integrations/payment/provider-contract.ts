import { type ChargeId, chargeIdSchema } from '../../../src/events/ids.js';
import type { PaymentProvider, PaymentRequest } from '../../../src/integrations/payment/port.js';
import { newKey } from './payment-client.js';

/** What a payment system under test offers so that each outcome can be provoked. */
export interface ProviderUnderTest {
  readonly provider: PaymentProvider;
  readonly methods: Readonly<
    Record<'approved' | 'declined' | 'pending' | 'lostBefore' | 'lostAfter', PaymentRequest['paymentMethod']>
  >;
  /** Lets a pending payment be decided. */
  settlePending(): Promise<void>;
  /** Breaks the connection of a `lostAfter` payment that is under way. */
  loseAnswer(): Promise<void>;
  close(): Promise<void>;
}

export function newChargeId(): ChargeId {
  return chargeIdSchema.parse(newKey());
}

/** What every implementation of the payment port must do. */
export function describePaymentProvider(name: string, start: () => Promise<ProviderUnderTest>): void {
  describe(`${name} as a payment provider`, () => {
    let subject: ProviderUnderTest;
    let provider: PaymentProvider;
    beforeEach(async () => {
      subject = await start();
      provider = subject.provider;
    });
    afterEach(() => subject.close());

    const request = (paymentMethod: string, idempotencyKey = newChargeId()): PaymentRequest => ({
      idempotencyKey,
      amount: 5000,
      paymentMethod,
      reference: 'contract',
    });

    it('approves with the amount asked for and finds the payment again', async () => {
      const asked = request(subject.methods.approved);
      const outcome = await provider.createPayment(asked);
      expect(outcome).toMatchObject({ kind: 'approved', amount: 5000 });
      expect(await provider.findPayment(asked.idempotencyKey)).toEqual(outcome);
    });

    it('declines with a reason and finds the refusal again', async () => {
      const asked = request(subject.methods.declined);
      const outcome = await provider.createPayment(asked);
      expect(outcome).toEqual({ kind: 'declined', reason: expect.stringMatching(/^.{1,200}$/) });
      expect(await provider.findPayment(asked.idempotencyKey)).toEqual(outcome);
    });

    it('returns the first outcome to every repetition, also a concurrent one', async () => {
      const asked = request(subject.methods.approved);
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => provider.createPayment(asked)));
      const first = outcomes[0];
      expect(first?.kind).toBe('approved');
      for (const outcome of outcomes) expect(outcome).toEqual(first);
    });

    it('makes separate payments for separate keys', async () => {
      const one = await provider.createPayment(request(subject.methods.approved));
      const two = await provider.createPayment(request(subject.methods.approved));
      expect(one).not.toEqual(two);
    });

    it('reports a key reused for another amount as a conflict', async () => {
      const asked = request(subject.methods.approved);
      await provider.createPayment(asked);
      expect((await provider.createPayment({ ...asked, amount: 1 })).kind).toBe('conflict');
    });

    it('rejects a request that can never be taken', async () => {
      const asked = { ...request(subject.methods.approved), amount: -1 };
      expect((await provider.createPayment(asked)).kind).toBe('rejected');
      expect(await provider.findPayment(asked.idempotencyKey)).toEqual({ kind: 'not-found' });
    });

    it('finds nothing where nothing was asked', async () => {
      expect(await provider.findPayment(newChargeId())).toEqual({ kind: 'not-found' });
    });

    it('resolves a failure before the payment as unknown; asking again makes it', async () => {
      const asked = request(subject.methods.lostBefore);
      expect((await provider.createPayment(asked)).kind).toBe('unknown');
      expect(await provider.findPayment(asked.idempotencyKey)).toEqual({ kind: 'not-found' });
      expect((await provider.createPayment(asked)).kind).toBe('approved');
    });

    it('resolves an answer lost after the payment as unknown; asking again finds it', async () => {
      const asked = request(subject.methods.lostAfter);
      const lost = provider.createPayment(asked);
      await subject.loseAnswer();
      expect((await lost).kind).toBe('unknown');
      const found = await provider.findPayment(asked.idempotencyKey);
      expect(found.kind).toBe('approved');
      expect(await provider.createPayment(asked)).toEqual(found);
    });

    it('reports a payment that waits as pending, then its end', async () => {
      const asked = request(subject.methods.pending);
      expect(await provider.createPayment(asked)).toEqual({ kind: 'pending' });
      expect(await provider.findPayment(asked.idempotencyKey)).toEqual({ kind: 'pending' });
      await subject.settlePending();
      expect((await provider.createPayment(asked)).kind).toBe('approved');
    });

    it('resolves as unknown when the caller gave up before', async () => {
      const asked = request(subject.methods.approved);
      expect((await provider.createPayment(asked, AbortSignal.abort())).kind).toBe('unknown');
      expect((await provider.findPayment(asked.idempotencyKey, AbortSignal.abort())).kind).toBe('unknown');
    });
  });
}
