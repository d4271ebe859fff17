/**
 * The payment system as the product sees it: something that takes money once per idempotency key and can be
 * asked again. Implementations speak to a real provider or to the virtual one.
 */
import type { ChargeId, PaymentId } from '../../events/ids.js';

export interface PaymentRequest {
  /** One key, one payment: every retry of a charge uses the same key and the same other fields. */
  readonly idempotencyKey: ChargeId;
  /** Points to charge: a whole number, at least 1. */
  readonly amount: number;
  /** The payment system's token for the card, never the card number. */
  readonly paymentMethod: string;
  /** Ours, for people who read the provider's ledger: 1 to 200 characters. */
  readonly reference: string;
  /** Where the payment system may report the final outcome. A hint only: asking is what counts. */
  readonly callbackUrl?: string;
}

/** The money was taken. `amount` is what the payment system took, in points. */
export interface PaymentApproved {
  readonly kind: 'approved';
  readonly paymentId: PaymentId;
  readonly amount: number;
}

export type PaymentOutcome =
  | PaymentApproved
  /** Final: no money was taken. `reason` is the payment system's own, 1 to 200 characters. */
  | { readonly kind: 'declined'; readonly reason: string }
  /** The payment system has the request and has not decided yet: ask again later. */
  | { readonly kind: 'pending' }
  /** Nobody can tell whether money was taken (time-out, 5xx, broken connection): ask again with the same key. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** Final: the payment system will never take this request as it is written. No money was taken. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /**
   * The key belongs to a payment that is not the one asked for (other content, other amount): a bug or fraud.
   * Money may have been taken; asking again cannot help, so stop and call a person.
   */
  | { readonly kind: 'conflict'; readonly reason: string };

/** What a look-up found. `not-found` is final only when no createPayment with the key can still be under way. */
export type PaymentLookup = PaymentOutcome | { readonly kind: 'not-found' };

export abstract class PaymentProvider {
  /**
   * Creates the payment, once per idempotency key: repeating the request returns the first one's outcome.
   * Never throws for anything the payment system or the network does; such failures are `unknown`.
   * `approved` is returned only with exactly the amount asked for.
   * @param signal gives up waiting (the outcome is then `unknown`); it does not undo a payment.
   */
  abstract createPayment(request: PaymentRequest, signal?: AbortSignal): Promise<PaymentOutcome>;

  /**
   * The payment of a key, without creating one. The caller compares `amount` with what it asked for.
   * Never throws for anything the payment system or the network does; such failures are `unknown`.
   */
  abstract findPayment(idempotencyKey: ChargeId, signal?: AbortSignal): Promise<PaymentLookup>;
}
