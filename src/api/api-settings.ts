import type { LoadLimits } from './load-gate.js';
import type { RequestTimeouts } from './request-timeout.js';
import type { SharedReplySettings } from './shared-replies.js';

/** The token the API's settings are injected by. */
export const API_SETTINGS = Symbol('ApiSettings');

/** The part of the configuration that the HTTP API reads. */
export interface ApiSettings {
  /** What operators send as their bearer token; undefined closes the operators' endpoints. */
  readonly adminKey: string | undefined;
  /** The secret the payment system signs its callbacks with; undefined refuses every callback. */
  readonly callbackSecret: string | undefined;
  /** Which proxies' X-Forwarded-For to trust: none, all, or those of these addresses (comma-separated). */
  readonly trustProxy: boolean | string;
  /** Largest body of an ordinary request. */
  readonly bodyLimitBytes: number;
  /** How long a read waits for the read models to reach a log position. */
  readonly waitForPositionTimeoutMs: number;
  /** Replies kept for repeated idempotency keys. */
  readonly idempotency: { readonly maxRecords: number; readonly ttlMs: number };
  readonly rateLimits: {
    /** Log-ins and registrations of one address; 0 switches the limit off. */
    readonly signInsPerMinute: number;
    /** Commands of one fan; 0 switches the limit off. */
    readonly commandsPerMinute: number;
    /** Addresses and fans remembered; the least recently seen go first. */
    readonly maxRemembered: number;
  };
  /** A client that sends its request slower than this is cut off. */
  readonly receiveTimeoutMs: number;
  readonly load: LoadLimits;
  readonly requestTimeouts: RequestTimeouts;
  readonly sse: SseSettings;
  readonly sharedReplies: SharedReplySettings;
}

export interface SseSettings {
  /** Open streams of this process. */
  readonly maxConnections: number;
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
  bodyLimitBytes: 64 * 1024,
  waitForPositionTimeoutMs: 2_000,
  idempotency: { maxRecords: 100_000, ttlMs: 24 * 3_600_000 },
  rateLimits: { signInsPerMinute: 30, commandsPerMinute: 120, maxRemembered: 100_000 },
  receiveTimeoutMs: 30_000,
  load: { maxInFlight: 2_000, maxWaitMs: 500 },
  // Everything that a handler waits for has a shorter time limit of its own.
  requestTimeouts: { timeoutMs: 60_000, longTimeoutMs: 60 * 60_000 },
  sse: {
    maxConnections: 10_000,
    maxBufferedBytes: 256 * 1024,
    heartbeatMs: 15_000,
    seatsEveryMs: 200,
    positionEveryMs: 1_000,
    rememberedSeatChanges: 20_000,
  },
  sharedReplies: { freshForMs: 250, maxBytes: 64 * 1024 * 1024 },
};
