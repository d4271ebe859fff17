/**
 * The payment system as the product sees it: it takes money once per idempotency key, and the outcome can be asked for
 * again. Implementations call a real provider or the virtual one.
 */
import type { ChargeId, PaymentId } from '../../events/ids.js';

export interface PaymentRequest {
  /** One key, one payment: every retry of a charge uses the same key and the same other fields. */
  readonly idempotencyKey: ChargeId;
  /** Points to charge: a whole number, at least 1. */
  readonly amount: number;
  /** The payment system's token for the card, never the card number. */
  readonly paymentMethod: string;
  /** Our text for people who read the provider's ledger: 1 to 200 characters. */
  readonly reference: string;
  /** Where the payment system may report the final outcome. Only a hint: the outcome is always asked for. */
  readonly callbackUrl?: string;
}

/** The money was taken. `amount` is what the payment system took, in points. */
interface PaymentApproved {
  readonly kind: 'approved';
  readonly paymentId: PaymentId;
  readonly amount: number;
}

export type PaymentOutcome =
  | PaymentApproved
  /** Final: no money was taken. `reason` is the payment system's text, 1 to 200 characters. */
  | { readonly kind: 'declined'; readonly reason: string }
  /** The payment system has the request and has not decided yet: ask again later. */
  | { readonly kind: 'pending' }
  /** It is unknown whether money was taken (time-out, 5xx, broken connection): ask again with the same key. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** The payment system calls the request invalid: this request took no money, an earlier one of the key may have. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /**
   * The key belongs to another payment than the one asked for (other content, other amount): a bug or fraud. Money may
   * have been taken. Creating it again cannot succeed: look the payment up; if that decides nothing, a person must decide.
   */
  | { readonly kind: 'conflict'; readonly reason: string };

/** The result of a look-up. `not-found` is final only if no createPayment with the key can still be running. */
export type PaymentLookup = PaymentOutcome | { readonly kind: 'not-found' };

export abstract class PaymentProvider {
  /**
   * Creates the payment, once per idempotency key: repeating the request returns the first one's outcome.
   * Never throws for anything the payment system or the network does; such failures are `unknown`.
   * `approved` is returned only with exactly the amount asked for.
   * @param signal ends the wait (the outcome is then `unknown`); it does not undo a payment.
   */
  abstract createPayment(request: PaymentRequest, signal?: AbortSignal): Promise<PaymentOutcome>;

  /**
   * The payment of a key, without creating one. The caller compares `amount` with what it asked for.
   * Never throws for anything the payment system or the network does; such failures are `unknown`.
   */
  abstract findPayment(idempotencyKey: ChargeId, signal?: AbortSignal): Promise<PaymentLookup>;
}
