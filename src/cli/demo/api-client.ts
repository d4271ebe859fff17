/** What the demo reads of the API's replies. */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import type { Tally } from './summary.js';

export interface ApiRequest<T> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly reply: z.ZodType<T>;
  readonly token?: string;
  readonly queueToken?: string;
  readonly body?: unknown;
  /** Send an idempotency key, the same on every attempt. */
  readonly isOnce?: boolean;
  /** Refusals are expected and not counted. */
  readonly mayBeRefused?: boolean;
  /** The reply must include everything up to this log position. */
  readonly after?: number;
}

export type ApiReply<T> =
  | { readonly kind: 'ok'; readonly status: number; readonly body: T }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly detail: string };

/** The server did not answer after several attempts. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone';
}

const problemSchema = z.object({ code: z.string(), detail: z.string() });

/** Concurrent requests, and so open connections. */
const maxRequests = 48;
const requestTimeoutMs = 30_000;
/** Attempts at one request when the server is busy or the connection breaks. */
const maxAttempts = 6;
/** How long a temporary conflict is retried: an outage of the log, and then until the interrupted work is resumed. */
const defaultPatienceMs = 60_000;
/** Names are requested in the language of the terminal's user. */
const language = Intl.DateTimeFormat().resolvedOptions().locale;

interface ApiClientOptions {
  readonly tally: Tally;
  /** Ends all requests and pauses. */
  readonly signal: AbortSignal;
  /** Called when the server limits the rate, with the seconds to wait. */
  readonly onLimited: (seconds: number) => void;
  /** Pause before asking a busy server again; default 500. */
  readonly busyPauseMs?: number;
  /** How long a conflict with Retry-After counts as temporary and is retried; default a minute. */
  readonly patienceMs?: number;
}

/** A client of the public HTTP API: waits when told to, and retries when a reply is lost. */
export class ApiClient {
  readonly #limit = new ConcurrencyLimit(maxRequests);

  readonly #tally: Tally;
  readonly #signal: AbortSignal;
  readonly #busyPauseMs: number;

  /** @param serverUrl where the server answers. */
  constructor(
    private readonly serverUrl: string,
    private readonly options: ApiClientOptions,
  ) {
    this.#tally = options.tally;
    this.#signal = options.signal;
    this.#busyPauseMs = options.busyPauseMs ?? 500;
    // Each request and pause adds a listener: as many as there are fans.
    setMaxListeners(0, options.signal);
  }

  /**
   * The reply, or the refusal with its problem code.
   * @throws {ServerGone} when there is no answer after several attempts.
   */
  async send<T>(request: ApiRequest<T>): Promise<ApiReply<T>> {
    const key = request.isOnce ? randomUUID() : undefined;
    const givesUpAtMs = performance.now() + (this.options.patienceMs ?? defaultPatienceMs);
    let lost: unknown;
    for (let attempt = 1; attempt <= maxAttempts; ) {
      this.#signal.throwIfAborted();
      const reply = await this.#limit
        .run(() => this.#attempt(request, key))
        .catch((error: unknown) => {
          this.#signal.throwIfAborted();
          lost = error;
          return undefined;
        });
      if (reply === undefined) {
        attempt++;
        await this.pause(this.#busyPauseMs);
        continue;
      }
      if (reply.kind === 'ok') return reply;
      const isTemporary =
        reply.status === 409 && reply.retryAfterSeconds !== undefined && performance.now() < givesUpAtMs;
      const where = `${request.method} ${request.path}`;
      if (isTemporary) this.#tally.countRefusal(reply.code);
      else if (!request.mayBeRefused) this.#tally.refuse(reply.code, where, reply.detail);
      const retryAfterSeconds = reply.retryAfterSeconds ?? 0;
      if (reply.status === 429) {
        // Waiting for the rate limit is not a failed attempt.
        this.options.onLimited(retryAfterSeconds);
        await this.pause(retryAfterSeconds * 1000);
        continue;
      }
      if (isTemporary) {
        await this.pause(Math.max(this.#busyPauseMs, retryAfterSeconds * 1000));
        continue;
      }
      if (reply.status !== 503 || attempt === maxAttempts) return reply;
      attempt++;
      await this.pause(Math.max(this.#busyPauseMs, retryAfterSeconds * 1000));
    }
    throw new ServerGone(`${request.method} ${request.path} was not answered: ${reasonOf(lost)}`);
  }

  /** Waits. Rejects when the signal aborts. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#signal });
  }

  async #attempt<T>(
    { method, path, reply: schema, token, queueToken, body, after }: ApiRequest<T>,
    key: string | undefined,
  ): Promise<ApiReply<T> & { readonly retryAfterSeconds: number | undefined }> {
    this.#tally.requests++;
    const response = await fetch(new URL(path, this.serverUrl), {
      method,
      // Tokens are sent to the server that was named, and to no other.
      redirect: 'error',
      headers: {
        'accept-language': language,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(queueToken === undefined ? {} : { 'x-queue-token': queueToken }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(after === undefined ? {} : { 'x-wait-for-position': String(after) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(requestTimeoutMs)]),
    });
    const text = await response.text();
    const { status } = response;
    const retryAfter = response.headers.get('retry-after');
    const retryAfterSeconds = retryAfter === null ? undefined : Math.min(120, Number(retryAfter) || 0);
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.ok) return { kind: 'ok', status, body: schema.parse(json), retryAfterSeconds };
    const problem = problemSchema.safeParse(json);
    const { code, detail } = problem.success
      ? problem.data
      : { code: `http-${status}`, detail: text.slice(0, 200) };
    return { kind: 'refused', status, code, detail, retryAfterSeconds };
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

export const sessionSchema = z.object({ accessToken: z.string(), accessTokenExpiresAt: z.string() });
export const registeredSchema = z.object({ userId: z.string() });
export const chargeSchema = z.object({ chargeId: z.string(), status: z.string() });
export const positionSchema = z.object({ position: z.number().nullable() });

export const queueStatusSchema = z.object({
  status: z.enum(['waiting', 'admitted', 'entered', 'completed', 'expired', 'left']),
});
export const queueTokenSchema = queueStatusSchema.extend({ queueToken: z.string() });

export const holdSchema = z.object({
  holdId: z.string(),
  seats: z.array(z.object({ seatId: z.string() })),
  total: z.number(),
  expiresAt: z.string(),
});
export const holdsSchema = z.object({ items: z.array(z.object({ holdId: z.string() })) });

export const orderSchema = z.object({
  orderId: z.string(),
  orderStatus: z.string(),
  totalAmount: z.number(),
  items: z.array(z.object({ scheduleId: z.string(), seatId: z.string() })),
  position: z.number().nullable(),
});

export const seatMapSchema = z.object({
  sections: z.array(
    z.object({
      rows: z.array(
        z.object({
          seats: z.array(
            z.object({
              seatId: z.string(),
              x: z.number(),
              y: z.number(),
              status: z.string(),
              wheelchair: z.boolean().optional(),
              companionOf: z.string().optional(),
            }),
          ),
        }),
      ),
    }),
  ),
  focus: z.object({ x: z.number(), y: z.number() }).nullable(),
});
export type SeatMap = z.infer<typeof seatMapSchema>;

export const performancesSchema = z.object({
  items: z.array(z.object({ performanceId: z.string(), venue: z.object({ venueId: z.string() }) })),
  nextCursor: z.string().nullable(),
});
export const performanceSchema = z.object({
  performanceId: z.string(),
  name: z.string(),
  priceTo: z.number().nullable(),
  sales: z.object({ seatLimitPerUser: z.number() }),
  schedules: z.array(
    z.object({
      scheduleId: z.string(),
      startsAt: z.string(),
      status: z.string(),
      availableSeats: z.number(),
    }),
  ),
});
export type Performance = z.infer<typeof performanceSchema>;
export const venueSchema = z.object({ venueId: z.string(), seatCount: z.number() });

export const reservationsSchema = z.object({
  items: z.array(
    z.object({
      orderId: z.string(),
      scheduleId: z.string(),
      seatId: z.string(),
      reservationStatus: z.enum(['confirmed', 'cancelled']),
    }),
  ),
  nextCursor: z.string().nullable(),
});

export const auditSchema = z.object({
  clean: z.boolean(),
  events: z.number(),
  findingCount: z.number(),
  findings: z.array(z.object({ code: z.string(), message: z.string() })),
  checks: z.array(z.object({ code: z.string(), examined: z.number() })),
});
