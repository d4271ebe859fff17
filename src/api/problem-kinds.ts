import type { RejectionCode } from '../domain/rejection.js';

/** Codes of the API itself, beside those of refused commands. Public: rename none. */
export const apiCodes = [
  'validation-failed',
  'malformed-json',
  'malformed-request',
  'unauthenticated',
  'forbidden',
  'queue-token-invalid',
  'not-found',
  'method-not-allowed',
  'body-too-large',
  'unsupported-media-type',
  'idempotency-key-missing',
  'idempotency-key-in-flight',
  'feed-refused',
  'read-model-behind',
  'too-many-requests',
  'unavailable',
  'internal',
] as const;
export type ApiCode = (typeof apiCodes)[number];
export type ProblemCode = RejectionCode | ApiCode;

interface ProblemKind {
  readonly status: number;
  /** The same words for every occurrence. */
  readonly title: string;
}

const kind = (status: number, title: string): ProblemKind => ({ status, title });

/** HTTP status and title of every code; docs/problems.md explains each. */
export const problemKinds = {
  'login-id-taken': kind(409, 'Login id taken'),
  'invalid-credentials': kind(401, 'Wrong login id or password'),
  'session-ended': kind(401, 'Session ended'),
  'user-unknown': kind(404, 'Unknown user'),
  'insufficient-points': kind(402, 'Not enough points'),
  'wallet-full': kind(409, 'Wallet full'),
  'payment-declined': kind(402, 'Payment declined'),
  'charge-unknown': kind(404, 'Unknown charge'),
  'idempotency-key-reused': kind(422, 'Idempotency key reused'),
  'performance-unknown': kind(404, 'Unknown performance'),
  'schedule-unknown': kind(404, 'Unknown schedule'),
  'not-on-sale': kind(409, 'Not on sale'),
  'queue-full': kind(409, 'Queue full'),
  'queue-not-open': kind(409, 'Queue not open'),
  'too-many-entries': kind(409, 'Joined too often'),
  'seat-limit-reached': kind(409, 'Seat limit reached'),
  'token-unknown': kind(404, 'Unknown queue token'),
  'token-waiting': kind(403, 'Not your turn yet'),
  'token-ended': kind(403, 'Turn ended'),
  'seat-unknown': kind(404, 'Unknown seat'),
  'seat-not-for-sale': kind(409, 'Seat not for sale'),
  'seat-held': kind(409, 'Seat held'),
  'seat-reserved': kind(409, 'Seat sold'),
  'no-seats-available': kind(409, 'No seats available'),
  'hold-unknown': kind(404, 'Unknown hold'),
  'hold-ended': kind(409, 'Hold ended'),
  'hold-in-progress': kind(409, 'Hold in progress'),
  'nothing-to-pay': kind(409, 'Nothing to pay'),
  'order-unknown': kind(404, 'Unknown order'),
  'order-not-cancellable': kind(409, 'Order not cancellable'),
  'hold-lapsed': kind(409, 'Hold lapsed'),
  'seat-taken': kind(409, 'Seat taken'),
  'seed-mismatch': kind(409, 'Seed mismatch'),
  'places-out-of-order': kind(409, 'Places out of order'),
  busy: kind(503, 'Busy'),
  'validation-failed': kind(400, 'Invalid input'),
  'malformed-json': kind(400, 'Malformed JSON'),
  'malformed-request': kind(400, 'Malformed request'),
  unauthenticated: kind(401, 'Not authenticated'),
  forbidden: kind(403, 'Forbidden'),
  'queue-token-invalid': kind(403, 'Queue token not valid'),
  'not-found': kind(404, 'Not found'),
  'method-not-allowed': kind(405, 'Method not allowed'),
  'body-too-large': kind(413, 'Body too large'),
  'unsupported-media-type': kind(415, 'Unsupported media type'),
  'idempotency-key-missing': kind(400, 'Idempotency key missing'),
  'idempotency-key-in-flight': kind(409, 'Request still running'),
  'feed-refused': kind(422, 'Feed refused'),
  'read-model-behind': kind(503, 'Read model behind'),
  'too-many-requests': kind(429, 'Too many requests'),
  unavailable: kind(503, 'Unavailable'),
  internal: kind(500, 'Internal error'),
} as const satisfies Record<ProblemCode, ProblemKind>;

/** Where problem types are documented. */
export const problemTypeBase = '/docs/problems#';
