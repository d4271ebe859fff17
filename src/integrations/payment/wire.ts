/** The messages between the product and the payment system; docs/payment-system.md describes them. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { chargeIdSchema, instantSchema, paymentIdSchema, pointsSchema } from '../../events/ids.js';
import { hasDuplicateKeys } from '../../platform/unique-keys.js';

const amountSchema = pointsSchema.min(1);

/** Printable ASCII without spaces, so that it can be a header. */
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
  /** Grows with each payment; the cursor of `GET /ledger`. */
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

/** Body of a callback: the final outcome of a payment. */
const callbackSchema = z.object({
  paymentId: paymentIdSchema,
  idempotencyKey: chargeIdSchema,
  status: z.enum(['approved', 'declined']),
  amount: amountSchema,
});
type PaymentCallback = z.infer<typeof callbackSchema>;

/** In lower case, as Node gives received header names. */
export const signatureHeader = 'payment-signature';

/** A callback whose time differs from ours by more than this counts as replayed. */
export const callbackToleranceMs = 5 * 60_000;

/** Largest callback body that is read, in bytes. */
export const maxCallbackBytes = 4096;

type CallbackVerdict =
  | { readonly valid: true; readonly callback: PaymentCallback }
  | { readonly valid: false; readonly reason: 'no-signature' | 'wrong-signature' | 'stale' | 'malformed' };

/**
 * The value of the signature header, `t=<ms since 1970>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`, so neither
 * the time nor the body can be changed.
 * @param sentAtMs milliseconds since 1970.
 */
export function signCallback(secret: string, rawBody: string | Uint8Array, sentAtMs: number): string {
  return `t=${sentAtMs},v1=${digest(secret, String(sentAtMs), rawBody).toString('hex')}`;
}

/**
 * Checks that a callback comes from the payment system, is recent and unchanged; only then parses it. The comparison
 * takes the same time wherever a forged signature differs. A captured callback can be replayed within {@link
 * callbackToleranceMs}, and the payment system may send one twice: handling must be idempotent.
 * @param headers as Node received them (lower-case names).
 * @param rawBody the bytes as received, before any parsing.
 * @param nowMs milliseconds since 1970.
 */
export function verifyCallback(
  secret: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  rawBody: string | Uint8Array,
  nowMs: number,
): CallbackVerdict {
  const header = headers[signatureHeader];
  const match = typeof header === 'string' ? /^t=(\d{1,15}),v1=([0-9a-f]{64})$/.exec(header) : null;
  const [, sentAt, signature] = match ?? [];
  if (sentAt === undefined || signature === undefined) return { valid: false, reason: 'no-signature' };
  if (!timingSafeEqual(digest(secret, sentAt, rawBody), Buffer.from(signature, 'hex'))) {
    return { valid: false, reason: 'wrong-signature' };
  }
  if (Math.abs(nowMs - Number(sentAt)) > callbackToleranceMs) return { valid: false, reason: 'stale' };
  const parsed = callbackSchema.safeParse(parseJson(rawBody));
  return parsed.success ? { valid: true, callback: parsed.data } : { valid: false, reason: 'malformed' };
}

function digest(secret: string, sentAt: string, rawBody: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${sentAt}.`).update(rawBody).digest();
}

function parseJson(rawBody: string | Uint8Array): unknown {
  try {
    const text = typeof rawBody === 'string' ? rawBody : Buffer.from(rawBody).toString('utf8');
    const value: unknown = JSON.parse(text);
    return hasDuplicateKeys(text, value) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** A body is larger than its reader accepts. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * All bytes of a request or response body.
 * @throws {BodyTooLarge} as soon as there are more than `maxBytes`; the rest is not read.
 * @throws whatever the stream fails with.
 */
export async function readAtMost(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new BodyTooLarge(`the body is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
