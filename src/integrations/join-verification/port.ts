import type { Instant, PerformanceId, UserId } from '../../events/ids.js';

/** Who wants to join which queue. */
export interface Joining {
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
}

/** What a client must do before it may join a queue. */
export type JoinChallenge =
  | { readonly kind: 'none' }
  /** Find a text after the challenge and a colon that gives a SHA-256 with so many leading zero bits. */
  | {
      readonly kind: 'proof-of-work';
      readonly challenge: string;
      readonly bits: number;
      readonly expiresAt: Instant;
    }
  /** Solve the task that a service (a CAPTCHA, an identity provider) shows for this key. */
  | { readonly kind: 'siteverify'; readonly siteKey: string };

/** The service that verifies cannot be asked now. */
export class VerificationUnavailable extends Error {
  override readonly name = 'VerificationUnavailable';
}

/** Decides whether a client has done what is asked before a place is given. */
export abstract class JoinVerifier {
  abstract challengeFor(joining: Joining): JoinChallenge;
  /**
   * @param proof what the client sent; undefined: nothing.
   * @param address the client's.
   * @throws {VerificationUnavailable}
   */
  abstract isProven(joining: Joining, proof: string | undefined, address: string): Promise<boolean>;
}

/** What is asked of those who join. */
export type JoinVerificationSettings =
  | { readonly kind: 'off' }
  | { readonly kind: 'proof-of-work'; readonly bits: number }
  | {
      readonly kind: 'siteverify';
      readonly url: string;
      readonly secret: string;
      readonly siteKey: string;
      readonly timeoutMs: number;
    };

/** Nothing is asked. */
export const noVerification: JoinVerifier = {
  challengeFor: () => ({ kind: 'none' }),
  isProven: async () => true,
};
