import { randomUUID } from 'node:crypto';
import { type RedisLink, RedisScript } from '../../platform/redis.js';

/** How long a process may be silent while it restores before another begins. */
const restoringTtlMs = 30_000;
/**
 * How long the timers count as complete: then they are scheduled again, in case Redis came back from an old
 * snapshot, which looks complete.
 */
const completeTtlMs = 10 * 60_000;

const replaceIfSame = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/**
 * A key that stands in Redis beside the timers and is lost with them: when it is missing, timers are missing.
 * It makes one process at a time restore them. Any of its calls answers false while Redis is away.
 */
export class RestoreMark {
  /** What the key says while this process restores. */
  readonly #mine = `restoring ${randomUUID()}`;
  readonly #key: string;

  constructor(private readonly link: RedisLink) {
    this.#key = link.key('deadlines-complete');
  }

  /** @returns whether timers may be missing and it is this process that restores them. */
  begin(): Promise<boolean> {
    return this.#ask(
      async (client) => (await client.set(this.#key, this.#mine, 'PX', restoringTtlMs, 'NX')) === 'OK',
    );
  }

  /** @returns false when Redis was emptied meanwhile: what was restored before is lost again. */
  goOn(): Promise<boolean> {
    return this.#replace(this.#mine, restoringTtlMs);
  }

  complete(): Promise<boolean> {
    return this.#replace('complete', completeTtlMs);
  }

  /** Timers are missing. */
  clear(): Promise<boolean> {
    return this.#ask(async (client) => (await client.del(this.#key)) >= 0);
  }

  #replace(value: string, ttlMs: number): Promise<boolean> {
    return this.#ask(
      async (client) => (await replaceIfSame.run(client, this.#key, this.#mine, value, ttlMs)) === 1,
    );
  }

  #ask(question: Parameters<typeof this.link.attempt<boolean>>[0]): Promise<boolean> {
    return this.link.attempt(question, () => false);
  }
}
