import type { JoinVerificationSettings } from '../integrations/join-verification/port.js';
import type { TrustedProxies } from '../platform/client-address.js';
import type { ConnectionLimits } from './connections.js';
import type { LoadLimits } from './load-gate.js';
import type { RateLimits } from './rate-limiter.js';
import type { ReadLimits } from './read-allowance.js';
import type { RequestTimeouts } from './request-timeout.js';
import type { SharedReplySettings } from './shared-replies.js';

/** The token the API's settings are injected by. */
export const API_SETTINGS = Symbol('ApiSettings');

/** The part of the configuration that the HTTP API reads. */
export interface ApiSettings {
  /** Opens the operators' endpoints until an owner's key has been issued; undefined: only issued keys do. */
  readonly adminKey: string | undefined;
  /** The secret the payment system signs its callbacks with; undefined refuses every callback. */
  readonly callbackSecret: string | undefined;
  readonly trustProxy: TrustedProxies;
  /** Origins whose pages may call the API, such as `https://tickets.example`. */
  readonly corsOrigins: readonly string[];
  /** Largest body of an ordinary request. */
  readonly bodyLimitBytes: number;
  /** Bodies that anybody may send: their size, and how long they may take to arrive. */
  readonly anonymousBodies: { readonly limitBytes: number; readonly timeoutMs: number };
  /** How long a read waits for the read models to reach a log position. */
  readonly waitForPositionTimeoutMs: number;
  /** Reads that may wait for one at the same time. */
  readonly maxWaitingForPosition: number;
  /** Replies kept for repeated idempotency keys. */
  readonly idempotency: { readonly maxRecords: number; readonly ttlMs: number };
  readonly rateLimits: RateLimits;
  /** What must be proven before a place in a queue is given. */
  readonly joinVerification: JoinVerificationSettings;
  /** A client that sends its request slower than this is cut off. */
  readonly receiveTimeoutMs: number;
  readonly connections: ConnectionLimits;
  readonly reads: ReadLimits;
  readonly load: LoadLimits;
  readonly requestTimeouts: RequestTimeouts;
  readonly sse: SseSettings;
  readonly sharedReplies: SharedReplySettings;
}

export interface SseSettings {
  /** Open streams of this process. */
  readonly maxConnections: number;
  /** Those of one address; 0: no limit. */
  readonly maxPerAddress: number;
  /** Bytes that may wait for a slow client before it is disconnected. */
  readonly maxBufferedBytes: number;
  readonly heartbeatMs: number;
  /** Seat changes are gathered for this long and sent as one message. */
  readonly seatsEveryMs: number;
  /** A fan's place is looked up at most this often. */
  readonly positionEveryMs: number;
  /** Seat changes remembered for clients that reconnect, over all schedules. */
  readonly rememberedSeatChanges: number;
}

/** Settings that suit one machine; the keys and secrets are left to the configuration. */
export const defaultApiSettings: Omit<ApiSettings, 'adminKey' | 'callbackSecret'> = {
  trustProxy: false,
  corsOrigins: [],
  bodyLimitBytes: 64 * 1024,
  anonymousBodies: { limitBytes: 8 * 1024, timeoutMs: 10_000 },
  waitForPositionTimeoutMs: 2_000,
  maxWaitingForPosition: 500,
  idempotency: { maxRecords: 100_000, ttlMs: 24 * 3_600_000 },
  rateLimits: {
    passwordsPerMinute: 10,
    passwordsPerMinuteOfAccount: 10,
    registrationsPerMinute: 60,
    refreshesPerMinute: 600,
    commandsPerMinute: 120,
    joinsPerMinute: 600,
    maxRemembered: 100_000,
  },
  joinVerification: { kind: 'off' },
  receiveTimeoutMs: 30_000,
  connections: {
    max: 30_000,
    maxPerAddress: 2_000,
    refuseAfterMs: 5_000,
    maxPipelined: 15,
    takeReplyMs: 30_000,
    slowestBytesPerSecond: 16 * 1024,
    maxUntakenBytes: 128 * 1024 * 1024,
  },
  reads: { perMinute: 12_000, maxRemembered: 100_000, refuseAfterMs: 2_000 },
  load: { maxInFlight: 2_000, maxWaitMs: 500 },
  // Everything that a handler waits for has a shorter time limit of its own.
  requestTimeouts: { timeoutMs: 60_000, longTimeoutMs: 60 * 60_000 },
  sse: {
    maxConnections: 10_000,
    maxPerAddress: 1_000,
    maxBufferedBytes: 256 * 1024,
    heartbeatMs: 15_000,
    seatsEveryMs: 200,
    positionEveryMs: 1_000,
    rememberedSeatChanges: 20_000,
  },
  sharedReplies: { freshForMs: 250, maxBytes: 64 * 1024 * 1024 },
};
