import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script of one key, sent once and named by its digest afterwards. */
export class RedisScript {
  readonly #sha: string;

  constructor(private readonly lua: string) {
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  /**
   * Runs it atomically.
   * @returns Redis's reply as it is: callers check it.
   */
  async run(client: Redis, key: string, ...args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, 1, key, ...args);
    } catch (error) {
      // Scripts are forgotten when Redis restarts.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(this.lua, 1, key, ...args);
    }
  }
}
