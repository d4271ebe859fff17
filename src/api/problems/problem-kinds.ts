import type { RejectionCode } from '../../domain/rejection.js';

/** Codes of the API itself, beside those of refused commands. Public: rename none. */
export const apiCodes = [
  'validation-failed',
  'malformed-json',
  'malformed-request',
  'request-timeout',
  'headers-too-large',
  'unauthenticated',
  'forbidden',
  'operator-role-missing',
  'queue-token-invalid',
  'verification-needed',
  'not-found',
  'plan-changed',
  'method-not-allowed',
  'body-too-large',
  'unsupported-media-type',
  'idempotency-key-missing',
  'idempotency-key-in-flight',
  'feed-refused',
  'rebuild-running',
  'read-model-behind',
  'position-unknown',
  'too-many-requests',
  'log-mismatch',
  'unavailable',
  'internal',
] as const;
export type ApiCode = (typeof apiCodes)[number];
export type ProblemCode = RejectionCode | ApiCode;

interface ProblemKind {
  readonly status: number;
  /** The same for every occurrence. */
  readonly title: string;
  /** What to do next, in general; the problem's `detail` says it for one occurrence. */
  readonly advice: string;
}

const kind = (status: number, title: string, advice: string): ProblemKind => ({ status, title, advice });

/** HTTP status, title and advice of every code: docs/problems.md and /docs/problems list them. */
export const problemKinds = {
  'login-id-taken': kind(409, 'Login id taken', 'Choose another login id.'),
  'invalid-credentials': kind(
    401,
    'Wrong login id or password',
    'Check both and try again. An unknown login id and a wrong password are answered alike.',
  ),
  'session-ended': kind(
    401,
    'Session ended',
    'Log in again. Also the answer to a refresh token that was used before, and to an access token of a session that was logged out, ended elsewhere or erased with its user.',
  ),
  'session-unknown': kind(404, 'Unknown session', 'Check the id against your sessions.'),
  'password-too-weak': kind(
    422,
    'Password easily guessed',
    'Choose another password: not the login id, and none that many people use.',
  ),
  'user-unknown': kind(
    404,
    'Unknown user',
    'Register. Right after registering, read with X-Wait-For-Position.',
  ),
  'account-in-use': kind(
    409,
    'Account in use',
    'Let holds, orders and charges named in `open` end, cancel tickets; or give points and tickets up with `forfeit`.',
  ),
  'insufficient-points': kind(
    402,
    'Not enough points',
    'Charge points, then pay again with a new idempotency key.',
  ),
  'wallet-full': kind(409, 'Wallet full', 'Charge less: a wallet has an upper bound.'),
  'wallet-closed': kind(409, 'Wallet closed', 'The account was erased: open a new one.'),
  'payment-declined': kind(402, 'Payment declined', 'Use another card, with a new idempotency key.'),
  'charge-unknown': kind(
    404,
    'Unknown charge',
    'Check the id. Right after charging, read with X-Wait-For-Position.',
  ),
  'charge-not-settleable': kind(
    409,
    'Charge not settleable',
    'Only a charge that needs attention can be settled. List those; an open charge may need attention later.',
  ),
  'idempotency-key-reused': kind(
    422,
    'Idempotency key reused',
    'Use a new key: this one belongs to a request that asked for something else.',
  ),
  'performance-unknown': kind(404, 'Unknown performance', 'Check the id against the list of performances.'),
  'schedule-unknown': kind(
    404,
    'Unknown schedule',
    'Check the id. For a hold, it must be a date of the performance you queued for.',
  ),
  'not-on-sale': kind(
    409,
    'Not on sale',
    'Choose another date or performance: this one was cancelled, has begun or is over.',
  ),
  'sold-out': kind(
    409,
    'Sold out',
    'Try again later: when seats are given back and nobody waits for them, the queue opens again.',
  ),
  'queue-full': kind(409, 'Queue full', 'Try again when some fans have been served.'),
  'queue-not-open': kind(409, 'Queue not open', 'Wait for the opening.'),
  'too-many-entries': kind(
    409,
    'Joined too often',
    'Nothing more is possible: you joined this queue as often as is allowed.',
  ),
  'seat-limit-reached': kind(409, 'Seat limit reached', 'Ask for fewer seats, or release some you hold.'),
  'token-unknown': kind(404, 'Unknown queue token', 'Join the queue first.'),
  'token-waiting': kind(403, 'Not your turn yet', 'Wait until your place is admitted, then enter.'),
  'token-ended': kind(
    403,
    'Turn ended',
    'Your time is over, you have paid, or too many of your holds ended without a payment: join the queue again.',
  ),
  'seat-unknown': kind(404, 'Unknown seat', 'Check the seat id against the seat map.'),
  'seat-not-for-sale': kind(
    409,
    'Seat not for sale',
    'Choose another seat: this one has no price, or an import has changed the seating plan.',
  ),
  'companion-needs-wheelchair': kind(
    409,
    'Companion’s place without its wheelchair place',
    'Take both: hold, pay for and give back a companion’s place together with the wheelchair place `companionOf`.',
  ),
  'seat-held': kind(409, 'Seat held', 'Choose another seat, with a new idempotency key.'),
  'already-held': kind(409, 'Already held by you', 'Go on with that hold: pay for it, or release it first.'),
  'seat-reserved': kind(409, 'Seat sold', 'Choose another seat, with a new idempotency key.'),
  'seat-cooling-down': kind(
    409,
    'Seat cooling down',
    'Choose another seat, or try again after `until`: you had this one and did not pay for it.',
  ),
  'no-seats-available': kind(409, 'No seats available', 'Ask for fewer seats or another category.'),
  'hold-unknown': kind(404, 'Unknown hold', 'Check the id against your holds.'),
  'hold-ended': kind(409, 'Hold ended', 'Hold the seats again with a new idempotency key.'),
  'hold-in-progress': kind(409, 'Hold in progress', 'Repeat the request in a moment.'),
  'nothing-to-pay': kind(409, 'Nothing to pay', 'Hold seats first.'),
  'order-unknown': kind(404, 'Unknown order', 'Check the id against your orders.'),
  'order-not-cancellable': kind(
    409,
    'Order not cancellable',
    'Only a paid order can be cancelled, and only until the deadline for giving its tickets back.',
  ),
  'hold-lapsed': kind(409, 'Hold lapsed', 'Hold the seats again: time ran out, and no points were taken.'),
  'seat-taken': kind(
    409,
    'Seat taken',
    'Choose another seat: the hold ran out and somebody else took it; no points were taken.',
  ),
  'seed-mismatch': kind(
    409,
    'Seed mismatch',
    'For operators: the queue’s seed is not the one that was published.',
  ),
  'places-out-of-order': kind(
    409,
    'Places out of order',
    'For operators: fans can only be admitted in the order of their places.',
  ),
  'operator-key-unknown': kind(404, 'Unknown operator’s key', 'For operators: list the keys for their ids.'),
  'too-many-operator-keys': kind(
    409,
    'Too many operators’ keys',
    'For operators: revoke keys that nobody needs any more.',
  ),
  'last-owner-key': kind(
    409,
    'Last owner’s key',
    'For operators: issue another owner’s key first, or nobody could issue one.',
  ),
  busy: kind(503, 'Busy', 'Repeat the request after Retry-After seconds, with the same idempotency key.'),
  'validation-failed': kind(
    400,
    'Invalid input',
    'Correct the fields named in `errors` and send the request again.',
  ),
  'malformed-json': kind(400, 'Malformed JSON', 'Send valid JSON in UTF-8, each field of an object once.'),
  'malformed-request': kind(400, 'Malformed request', 'Check the URL, the headers and the body.'),
  'request-timeout': kind(
    408,
    'Request too slow',
    'Send the request again: it did not arrive in time and was not looked at.',
  ),
  'headers-too-large': kind(431, 'Headers too large', 'Send less: all headers together are at most 16 KiB.'),
  unauthenticated: kind(
    401,
    'Not authenticated',
    'Send a valid access token as bearer token: log in or refresh it. Operators send their own key.',
  ),
  forbidden: kind(403, 'Forbidden', 'You may not do this; a payment callback must be signed.'),
  'operator-role-missing': kind(
    403,
    'Not for this role',
    'For operators: use a key of one of the `roles`, or ask an owner.',
  ),
  'queue-token-invalid': kind(
    403,
    'Queue token not valid',
    'Send your own, unexpired queue token of this performance as X-Queue-Token: ask for your place again.',
  ),
  'verification-needed': kind(
    403,
    'Verification needed',
    'Ask `GET /v1/performances/{performanceId}/queue-token/challenge` what to prove, and send the proof as X-Join-Proof.',
  ),
  'not-found': kind(404, 'Not found', 'Check the address.'),
  'plan-changed': kind(
    404,
    'Plan changed',
    'The plan or its prices were published anew: load the seat status, which names the present plan.',
  ),
  'method-not-allowed': kind(405, 'Method not allowed', 'Use one of the methods in the Allow header.'),
  'body-too-large': kind(
    413,
    'Body too large',
    'Send less: ordinary bodies are at most 64 KiB, those of log-ins 8 KiB, feeds 32 MiB.',
  ),
  'unsupported-media-type': kind(
    415,
    'Unsupported media type',
    'Send the body as application/json; feeds may also be XML or text.',
  ),
  'idempotency-key-missing': kind(
    400,
    'Idempotency key missing',
    'Send an Idempotency-Key header of 1 to 255 printable ASCII characters.',
  ),
  'idempotency-key-in-flight': kind(
    409,
    'Request still running',
    'The first request with this key is still running: repeat it in a moment.',
  ),
  'feed-refused': kind(
    422,
    'Feed refused',
    'See `problems` for what is wrong with the feed, correct it and import again.',
  ),
  'rebuild-running': kind(
    409,
    'Rebuild running',
    'For operators: one rebuild runs at a time; wait for the end of `rebuildId`, or cancel it.',
  ),
  'read-model-behind': kind(503, 'Read model behind', 'Read again after Retry-After seconds.'),
  'position-unknown': kind(
    400,
    'Unknown log position',
    'Read without X-Wait-For-Position: the log ends before this position, which no reply of ours has named; or it was restored from a backup since then.',
  ),
  'too-many-requests': kind(429, 'Too many requests', 'Go on after Retry-After seconds, more slowly.'),
  'log-mismatch': kind(
    503,
    'Log and tables do not belong together',
    'Try again later. For operators: `/health/ready` says what does not fit and what to do.',
  ),
  unavailable: kind(
    503,
    'Unavailable',
    'The outcome may be unknown: repeat after Retry-After seconds, with the same idempotency key.',
  ),
  internal: kind(500, 'Internal error', 'A defect of ours: quote the request id to us.'),
} satisfies Record<ProblemCode, ProblemKind>;

/** Base of problem types; the page documents them. */
export const problemTypeBase = '/docs/problems#';
