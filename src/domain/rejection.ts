/**
 * Every reason for which a well-formed command is refused. The codes are part of the public API:
 * rename none; docs/problems.md explains each and api/ maps each to an HTTP status.
 */
export const rejectionCodes = [
  'login-id-taken',
  'invalid-credentials',
  'session-ended',
  'session-unknown',
  'password-too-weak',
  'user-unknown',
  'account-in-use',
  'insufficient-points',
  'wallet-full',
  'wallet-closed',
  'payment-declined',
  'charge-unknown',
  'charge-not-settleable',
  'idempotency-key-reused',
  'performance-unknown',
  'schedule-unknown',
  'not-on-sale',
  'sold-out',
  'queue-full',
  'queue-not-open',
  'too-many-entries',
  'seat-limit-reached',
  'token-unknown',
  'token-waiting',
  'token-ended',
  'seat-unknown',
  'seat-not-for-sale',
  'companion-needs-wheelchair',
  'seat-held',
  'already-held',
  'seat-reserved',
  'seat-cooling-down',
  'no-seats-available',
  'hold-unknown',
  'hold-ended',
  'hold-in-progress',
  'nothing-to-pay',
  'order-unknown',
  'order-not-cancellable',
  'hold-lapsed',
  'seat-taken',
  'seed-mismatch',
  'places-out-of-order',
  'operator-key-unknown',
  'too-many-operator-keys',
  'last-owner-key',
  'busy',
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

/** Why a command was refused, and what to do next. */
export interface Rejection {
  readonly code: RejectionCode;
  /** A sentence for people, saying what to do next. */
  readonly message: string;
  /** Facts for programs: ids, amounts, moments. */
  readonly details?: Readonly<Record<string, string | number | readonly string[]>>;
}

export function rejection(code: RejectionCode, message: string, details?: Rejection['details']): Rejection {
  return details ? { code, message, details } : { code, message };
}

/** A well-formed command was refused. The API turns it into a problem document. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
  constructor(readonly rejection: Rejection) {
    super(rejection.message);
  }
}

/** Shorthand for refusing with a code and a sentence. */
export function refuse(code: RejectionCode, message: string, details?: Rejection['details']): Rejected {
  return new Rejected(rejection(code, message, details));
}
