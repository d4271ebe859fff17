/** What travels between the product and the payment system; docs/payment-system.md describes it in words. */
import { z } from 'zod';
import { chargeIdSchema, instantSchema, paymentIdSchema, pointsSchema } from '../../events/ids.js';

export const amountSchema = pointsSchema.min(1);

/** Any printable ASCII without spaces, so that it travels in a header unchanged. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,100}$/, 'must be 1 to 100 printable ASCII characters without spaces');

/** Body of `POST /payments`. */
export const createPaymentSchema = z.strictObject({
  amount: amountSchema,
  paymentMethod: z.string().min(1).max(100),
  reference: z.string().min(1).max(200),
  callbackUrl: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional(),
});
export type CreatePayment = z.infer<typeof createPaymentSchema>;

/** One line of the payment system's ledger. */
export const paymentSchema = z.object({
  /** Grows by each payment made; the cursor of `GET /ledger`. */
  sequence: z.number().int().min(1),
  paymentId: paymentIdSchema,
  idempotencyKey: idempotencyKeySchema,
  status: z.enum(['approved', 'declined', 'pending']),
  amount: amountSchema,
  paymentMethod: z.string(),
  reference: z.string(),
  callbackUrl: z.string().nullable(),
  /** Null unless declined. */
  declineReason: z.string().min(1).nullable(),
  createdAt: instantSchema,
  /** Null while pending. */
  settledAt: instantSchema.nullable(),
});
export type Payment = z.infer<typeof paymentSchema>;

/** `code` of the problems a client tells apart; every other failure says nothing about the payment. */
export const problemCodes = {
  invalidRequest: 'invalid-request',
  keyReused: 'idempotency-key-reused',
  notFound: 'payment-not-found',
} as const;

/** The part of an `application/problem+json` body a client reads. */
export const problemSchema = z.object({ code: z.string().max(100), detail: z.string().max(2000) });

/** Body of a callback: a payment's final outcome. */
export const callbackSchema = z.object({
  paymentId: paymentIdSchema,
  idempotencyKey: chargeIdSchema,
  status: z.enum(['approved', 'declined']),
  amount: amountSchema,
});
export type PaymentCallback = z.infer<typeof callbackSchema>;
