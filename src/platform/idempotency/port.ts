/** The token {@link IdempotencyRecords} is injected by. */
export const IDEMPOTENCY_RECORDS = Symbol('IdempotencyRecords');

/** A reply as it was first given. */
export interface RecordedReply {
  readonly status: number;
  /** JSON. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** Correlation id of the events that the reply reports; missing when it reports none. */
  readonly correlationId?: string | undefined;
}

export type Beginning =
  /** Nobody used the key before: run the request, then complete or abandon it. */
  | { readonly kind: 'started' }
  /** The first request with this key is still running. */
  | { readonly kind: 'in-flight' }
  /** The key belongs to a different request. */
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'replay'; readonly reply: RecordedReply };

/**
 * Remembers the first reply to each idempotency key. It spares work and gives a retry the very same answer;
 * that a retry has no second effect does not depend on it, since ids of events derive from the key.
 */
export interface IdempotencyRecords {
  /**
   * Claims a key.
   * @param key unique over fans, operations and their idempotency keys.
   * @param digest of everything the request asks for.
   */
  begin(key: string, digest: string): Promise<Beginning>;
  /** Keeps the reply of a request that began. */
  complete(key: string, digest: string, reply: RecordedReply): Promise<void>;
  /** Forgets a request that began but came to no answer worth keeping: a retry runs again. */
  abandon(key: string): Promise<void>;
}
