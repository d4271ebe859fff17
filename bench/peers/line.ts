import type { Redis } from 'ioredis';
import { RedisScript } from '../../src/platform/redis.js';
import { turnMs } from './schema.js';

/**
 * `<key>:waiting` has the tokens by their numbers, `<key>:active` those that were let in by the end of their turns,
 * `<key>:issued` counts numbers, `<key>:admitted` those who were let in.
 */
const join = new RedisScript(`
local number = redis.call('ZSCORE', KEYS[1] .. ':waiting', ARGV[1])
if number then return tonumber(number) end
if redis.call('ZSCORE', KEYS[1] .. ':active', ARGV[1]) then return -1 end
number = redis.call('INCR', KEYS[1] .. ':issued') - 1
redis.call('ZADD', KEYS[1] .. ':waiting', number, ARGV[1])
return number
`);
const admit = new RedisScript(`
local now, turnMs, maxActive, pace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1] .. ':active', '-inf', now)
local room = math.min(maxActive - redis.call('ZCARD', KEYS[1] .. ':active'), pace)
if room <= 0 then return 0 end
local next = redis.call('ZPOPMIN', KEYS[1] .. ':waiting', room)
for i = 1, #next, 2 do redis.call('ZADD', KEYS[1] .. ':active', now + turnMs, next[i]) end
redis.call('INCRBY', KEYS[1] .. ':admitted', #next / 2)
return #next / 2
`);

/** The waiting line of one performance in Redis. */
export class Line {
  constructor(
    private readonly redis: Redis,
    private readonly key: string,
  ) {}

  /** @returns the fan's number; again the same. */
  async join(tokenId: string): Promise<number> {
    return Number(await join.run(this.redis, this.key, tokenId));
  }

  /** Lets in as many as there is room for, at most `pace`. */
  async admit(maxActive: number, pace: number): Promise<void> {
    await admit.run(this.redis, this.key, Date.now(), turnMs, maxActive, pace);
  }

  /** Fans before this one; null: not waiting. */
  async ahead(tokenId: string): Promise<number | null> {
    return this.redis.zrank(`${this.key}:waiting`, tokenId);
  }

  async isInside(tokenId: string): Promise<boolean> {
    const until = await this.redis.zscore(`${this.key}:active`, tokenId);
    return until !== null && Number(until) > Date.now();
  }

  async state() {
    const [waiting, active, admitted] = await Promise.all([
      this.redis.zcard(`${this.key}:waiting`),
      this.redis.zcard(`${this.key}:active`),
      this.redis.get(`${this.key}:admitted`),
    ]);
    return { waiting, active, admittedUpTo: Number(admitted ?? 0) };
  }
}
