import { z } from 'zod';
import type { Beginning, IdempotencyRecords, RecordedReply } from './idempotency-records.js';
import { type RedisLink, RedisScript } from './redis.js';

/** A record is a hash with `digest` from the beginning, and with `reply` as soon as that is known. */
const begin = new RedisScript(`
local digest = redis.call('HGET', KEYS[1], 'digest')
if not digest then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'started'}
end
if digest ~= ARGV[1] then return {'mismatch'} end
local reply = redis.call('HGET', KEYS[1], 'reply')
if reply then return {'replay', reply} end
return {'in-flight'}
`);

/** Does nothing if another request has begun under the same key meanwhile. */
const complete = new RedisScript(`
local digest = redis.call('HGET', KEYS[1], 'digest')
if digest and digest ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'reply', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`);

/** Does nothing if there is a reply, or another request has begun under the key meanwhile. */
const renew = new RedisScript(`
if redis.call('HGET', KEYS[1], 'digest') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'reply') == 1 then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

const abandon = new RedisScript(`
if redis.call('HEXISTS', KEYS[1], 'reply') == 0 then redis.call('DEL', KEYS[1]) end
return 1
`);

/** Removes a reply, unless the key was used again meanwhile. */
const forget = new RedisScript(`
if redis.call('HGET', KEYS[1], 'reply') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

const replySchema = z.object({
  status: z.number().int(),
  body: z.unknown(),
  headers: z.record(z.string(), z.string()),
  correlationId: z.string().optional(),
});
const beginningSchema = z.union([
  z.tuple([z.literal('started')]),
  z.tuple([z.literal('mismatch')]),
  z.tuple([z.literal('in-flight')]),
  z.tuple([z.literal('replay'), z.string()]),
]);

export interface RedisRecordsOptions {
  /** How long a reply is remembered. */
  readonly ttlMs: number;
  /**
   * How long a request counts as running after its process last renewed it. After that a retry runs again, which is
   * safe even if the first request still runs, because their events have the same ids.
   */
  readonly leaseMs?: number;
  /** How often a process renews its running requests. */
  readonly renewEveryMs?: number;
  /** How long one request is renewed: a request that hangs must not block its retries for ever. */
  readonly maxRunMs?: number;
  /** A larger reply is not stored: its retry runs again. */
  readonly maxReplyBytes?: number;
  /**
   * Whether a reply belongs to the log in use; default yes. When the log is restored from a backup, Redis keeps its
   * data. A reply about events that are missing now must not be given again, so its request runs again.
   */
  readonly isOfLog?: (reply: RecordedReply) => Promise<boolean>;
}

/**
 * Records that all processes share. Without Redis each process uses its own records, so a retry in another process may
 * run again; that is safe, because the ids of events are derived from the key.
 */
export class RedisIdempotencyRecords implements IdempotencyRecords {
  readonly #ttlMs: number;
  readonly #leaseMs: number;
  readonly #leases: Leases;
  readonly #maxReplyBytes: number;
  readonly #isOfLog: (reply: RecordedReply) => Promise<boolean>;

  /** @param own the records of this process: always kept up to date, and used while Redis does not answer. */
  constructor(
    private readonly link: RedisLink,
    private readonly own: IdempotencyRecords,
    options: RedisRecordsOptions,
  ) {
    const { ttlMs, leaseMs = 5_000, renewEveryMs = 1_500, maxRunMs = 60_000 } = options;
    this.#ttlMs = ttlMs;
    this.#leaseMs = leaseMs;
    this.#leases = new Leases(renewEveryMs, maxRunMs, (leases) =>
      this.#tell((client) =>
        Promise.all(leases.map(({ key, digest }) => renew.run(client, this.#name(key), digest, leaseMs))),
      ),
    );
    this.#maxReplyBytes = options.maxReplyBytes ?? 256 * 1024;
    this.#isOfLog = options.isOfLog ?? (async () => true);
  }

  async begin(key: string, digest: string): Promise<Beginning> {
    let beginning = await this.#begin(key, digest);
    if (beginning.kind === 'replay' && !(await this.#isOfLog(beginning.reply))) {
      const text = JSON.stringify(beginning.reply);
      await this.#tell((client) => forget.run(client, this.#name(key), text));
      beginning = await this.#begin(key, digest);
    }
    if (beginning.kind === 'started') this.#leases.keep(key, digest);
    return beginning;
  }

  #begin(key: string, digest: string): Promise<Beginning> {
    return this.link.attempt<Beginning>(
      async (client) => {
        const reply = await begin.run(client, this.#name(key), digest, this.#leaseMs);
        const found = beginningSchema.parse(reply);
        return found[0] === 'replay' ? { kind: 'replay', reply: replyOf(found[1]) } : { kind: found[0] };
      },
      () => this.own.begin(key, digest),
    );
  }

  async complete(key: string, digest: string, reply: RecordedReply): Promise<void> {
    this.#leases.end(key);
    const text = JSON.stringify(reply);
    if (Buffer.byteLength(text) > this.#maxReplyBytes) return this.abandon(key);
    await this.own.complete(key, digest, reply);
    await this.#tell((client) => complete.run(client, this.#name(key), digest, text, this.#ttlMs));
  }

  async abandon(key: string): Promise<void> {
    this.#leases.end(key);
    await this.own.abandon(key);
    await this.#tell((client) => abandon.run(client, this.#name(key)));
  }

  #name(key: string): string {
    return this.link.key('reply', key);
  }

  #tell(say: Parameters<typeof this.link.attempt<unknown>>[0]): Promise<unknown> {
    return this.link.attempt(say, () => undefined);
  }
}

/** @throws when it is not a reply of this class. */
function replyOf(text: string): RecordedReply {
  return replySchema.parse(JSON.parse(text));
}

/** Leases renewed with one call. */
const renewedAtOnce = 500;

/** The requests that this process runs, each with a lease that lapses soon after the process has died. */
class Leases {
  /** By key. */
  readonly #running = new Map<string, { readonly digest: string; readonly untilMs: number }>();
  #round: NodeJS.Timeout | undefined;

  /**
   * @param everyMs pause between two rounds of renewal; most requests have ended before the first.
   * @param maxRunMs how long one request's lease is renewed at most.
   * @param renew renews some leases; must not fail.
   */
  constructor(
    private readonly everyMs: number,
    private readonly maxRunMs: number,
    private readonly renew: (leases: readonly { key: string; digest: string }[]) => Promise<unknown>,
  ) {}

  keep(key: string, digest: string): void {
    this.#running.set(key, { digest, untilMs: performance.now() + this.maxRunMs });
    this.#arm();
  }

  /** The request has ended. */
  end(key: string): void {
    this.#running.delete(key);
  }

  #arm(): void {
    if (this.#round || this.#running.size === 0) return;
    // This timer must not keep the process alive.
    this.#round = setTimeout(() => void this.#renewAll(), this.everyMs).unref();
  }

  async #renewAll(): Promise<void> {
    const nowMs = performance.now();
    for (const [key, { untilMs }] of this.#running) if (untilMs < nowMs) this.#running.delete(key);
    const leases = [...this.#running].map(([key, { digest }]) => ({ key, digest }));
    for (let first = 0; first < leases.length; first += renewedAtOnce) {
      await this.renew(leases.slice(first, first + renewedAtOnce));
    }
    this.#round = undefined;
    this.#arm();
  }
}
