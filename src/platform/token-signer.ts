import { createHmac } from 'node:crypto';
import { createSigner, createVerifier } from 'fast-jwt';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import {
  type Instant,
  performanceIdSchema,
  sessionIdSchema,
  toInstant,
  tokenIdSchema,
  userIdSchema,
} from '../events/ids.js';
import type { Clock } from './clock.js';
import { type RotatingSecret, valuesOf } from './rotating-secret.js';

const accessClaims = z.object({
  sub: userIdSchema,
  sid: sessionIdSchema,
  /** The epoch of the session; tokens of an earlier release have neither this nor `iat`. */
  ep: z.number().int().min(0).optional(),
  /** When it was signed, seconds; the signer sets it. */
  iat: z.number().optional(),
});
const refreshClaims = z.object({ sub: userIdSchema, sid: sessionIdSchema, gen: z.number().int().min(0) });
const queueClaims = z.object({
  sub: userIdSchema,
  tid: tokenIdSchema,
  pid: performanceIdSchema,
  /** The queue number, so that the position is known without a look-up. */
  num: z.number().int().min(0),
});
const challengeClaims = z.object({
  sub: userIdSchema,
  pid: performanceIdSchema,
  /** Leading zero bits that are asked for. */
  bits: z.number().int(),
});
type AccessClaims = z.infer<typeof accessClaims>;
type RefreshClaims = z.infer<typeof refreshClaims>;
type QueueClaims = z.infer<typeof queueClaims>;
type ChallengeClaims = z.infer<typeof challengeClaims>;

export interface SignedToken {
  readonly value: string;
  readonly expiresAt: Instant;
}

/** Verified tokens of each kind that are remembered. */
const defaultMaxRemembered = 20_000;

/**
 * Signs and verifies the three bearer tokens and the challenges of a proof of work (JWT, HS256). Each kind has its own key,
 * derived from the server's secret, so that a token of one kind is never accepted as another.
 */
export class TokenSigner {
  readonly access: Kind<AccessClaims>;
  readonly refresh: Kind<RefreshClaims>;
  readonly queue: Kind<QueueClaims>;
  /** Of a proof of work before joining a queue. */
  readonly challenge: Kind<ChallengeClaims>;

  /**
   * @param secret signs with its current value and accepts tokens of both; the same on every process.
   * @param maxRemembered verified tokens of each kind that are remembered, so that the next request with the same token
   * is not verified again.
   */
  constructor(secret: RotatingSecret, clock: Clock, maxRemembered = defaultMaxRemembered) {
    this.access = kind(secret, 'access', accessClaims, clock, maxRemembered);
    this.refresh = kind(secret, 'refresh', refreshClaims, clock, maxRemembered);
    this.queue = kind(secret, 'queue', queueClaims, clock, maxRemembered);
    this.challenge = kind(secret, 'challenge', challengeClaims, clock, maxRemembered);
  }
}

interface Kind<Claims> {
  /** @param ttlMs lifetime of the token. */
  sign(claims: Claims, ttlMs: number): SignedToken;
  /** The claims, or undefined when the token is malformed, forged, expired or of another kind. */
  verify(value: string): Claims | undefined;
}

/** A key for one purpose, derived from the server's secret (HMAC-SHA-256 as a key derivation function). */
export function deriveKey(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`boxoffice ${purpose}`).digest();
}

function kind<Claims extends Record<string, unknown>>(
  secret: RotatingSecret,
  name: string,
  schema: z.ZodType<Claims>,
  clock: Clock,
  maxRemembered: number,
): Kind<Claims> {
  const keyOf = (value: string) => deriveKey(value, `${name} token`);
  const signer = createSigner({ key: keyOf(secret.current), algorithm: 'HS256' });
  // Expiry is checked below on every use, by our clock.
  const verifierOf = (value: string) =>
    createVerifier({ key: keyOf(value), algorithms: ['HS256'], ignoreExpiration: true });
  const verifiers = valuesOf(secret).map(verifierOf);
  const verified = new LRUCache<string, Verified<Claims>>({ max: maxRemembered });
  const withExpiry = z.object({ exp: z.number() });

  const payloadOf = (value: string): unknown => {
    for (const verifier of verifiers) {
      try {
        return verifier(value);
      } catch {
        // Of another secret, or forged: the caller is not told what is wrong with the token.
      }
    }
    return undefined;
  };

  const verifyOnce = (value: string): Verified<Claims> | undefined => {
    const payload = payloadOf(value);
    const expiry = withExpiry.safeParse(payload);
    const claims = schema.safeParse(payload);
    if (!expiry.success || !claims.success) return undefined;
    return { claims: claims.data, expiresAtMs: expiry.data.exp * 1000 };
  };

  return {
    sign(claims, ttlMs) {
      const nowMs = clock.nowMs();
      const expiresAtSeconds = Math.floor((nowMs + ttlMs) / 1000);
      const value = signer({ ...claims, iat: Math.floor(nowMs / 1000), exp: expiresAtSeconds });
      return { value, expiresAt: toInstant(expiresAtSeconds * 1000) };
    },
    verify(value) {
      let known = verified.get(value);
      if (!known) {
        known = verifyOnce(value);
        if (!known) return undefined;
        verified.set(value, known);
      }
      return clock.nowMs() < known.expiresAtMs ? known.claims : undefined;
    },
  };
}

interface Verified<Claims> {
  readonly claims: Claims;
  readonly expiresAtMs: number;
}
