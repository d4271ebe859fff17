import { type PaymentId, paymentIdSchema } from '../../src/events/ids.js';
import type {
  PaymentLookup,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
} from '../../src/integrations/payment/port.js';

/** A payment system in memory: keeps what it took by idempotency key, and can be told to answer otherwise. */
export class ScriptedPayments implements PaymentProvider {
  /** Money taken, by key. */
  readonly taken = new Map<string, { readonly paymentId: PaymentId; readonly amount: number }>();
  readonly requests: PaymentRequest[] = [];
  /** Keys that were looked up. */
  readonly lookups: string[] = [];
  #lookup: PaymentLookup | undefined;
  readonly #script: ((request: PaymentRequest) => PaymentOutcome)[] = [];

  /** The next request is answered like this; later ones are approved again. */
  answerNext(answer: (request: PaymentRequest) => PaymentOutcome): void {
    this.#script.push(answer);
  }

  /** Every look-up is answered like this from now on; undefined: by what was taken. */
  answerLookups(answer: PaymentLookup | undefined): void {
    this.#lookup = answer;
  }

  /** Takes the money, and the reply is lost. */
  loseNextReply(): void {
    this.answerNext((request) => {
      this.take(request);
      return { kind: 'unknown', reason: 'timed out' };
    });
  }

  async createPayment(request: PaymentRequest): Promise<PaymentOutcome> {
    this.requests.push(request);
    return this.#script.shift()?.(request) ?? this.take(request);
  }

  async findPayment(idempotencyKey: string): Promise<PaymentLookup> {
    this.lookups.push(idempotencyKey);
    if (this.#lookup) return this.#lookup;
    const payment = this.taken.get(idempotencyKey);
    return payment ? ({ kind: 'approved', ...payment } as const) : ({ kind: 'not-found' } as const);
  }

  /** Approves a request, once for each key; another amount under the same key is a conflict. */
  take({ idempotencyKey, amount }: PaymentRequest): PaymentOutcome {
    const before = this.taken.get(idempotencyKey);
    if (before && before.amount !== amount) return { kind: 'conflict', reason: 'another payment' };
    const payment = before ?? { paymentId: paymentIdSchema.parse(`pay-${idempotencyKey}`), amount };
    this.taken.set(idempotencyKey, payment);
    return { kind: 'approved', ...payment };
  }
}
