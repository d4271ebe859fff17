import { createHmac, timingSafeEqual } from 'node:crypto';
import { callbackSchema, type PaymentCallback } from './wire.js';

/** Lower case, as Node spells received header names. */
export const signatureHeader = 'payment-signature';

/** How far a callback's time may be from ours before it counts as replayed. */
export const callbackToleranceMs = 5 * 60_000;

/** Largest callback body worth reading, in bytes. */
export const maxCallbackBytes = 4096;

export type CallbackVerdict =
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
 * Decides whether a callback comes from the payment system, recently and unchanged; only then parses it.
 * The comparison takes the same time wherever a forged signature differs. A captured callback can be replayed
 * within {@link callbackToleranceMs}, and an honest one may come twice: handling it must be idempotent.
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
    return JSON.parse(typeof rawBody === 'string' ? rawBody : Buffer.from(rawBody).toString('utf8'));
  } catch {
    return undefined;
  }
}
