import type { RotatingSecret } from '../platform/rotating-secret.js';

/** The part of the configuration that commands read. Durations in milliseconds. */
export abstract class CommandSettings {
  abstract readonly accessTokenTtlMs: number;
  abstract readonly refreshTokenTtlMs: number;
  /** A session ends so long after the log-in, however often it is refreshed. */
  abstract readonly sessionMaxLifeMs: number;
  abstract readonly queueTokenTtlMs: number;
  /** How old a copy of the catalog may be when a hold is decided. */
  abstract readonly catalogMaxAgeMs: number;
  /** How long a charge's request waits for the payment system before it answers "pending". */
  abstract readonly chargeReplyTimeoutMs: number;
  /** Where the payment system reports outcomes; undefined: it is only asked. */
  abstract readonly paymentCallbackUrl: string | undefined;
  /** Whether published performances name a round of the public randomness beacon for their draw. */
  abstract readonly nameBeaconRound: boolean;
  /** Queue seeds derive from it. */
  abstract readonly queueSecret: RotatingSecret;
}
