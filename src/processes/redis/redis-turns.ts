import { type RedisLink, RedisScript } from '../../platform/redis.js';

import type { Turns } from '../turns.js';

/** The milliseconds another process's round still lasts, or 0 when the caller has got one. */
const claim = new RedisScript(`
if redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
`);

/**
 * Turns as keys that expire: there is no leader to elect or to lose, and a process that dies costs one round.
 * While Redis is away every process has every turn.
 */
export class RedisTurns implements Turns {
  constructor(private readonly link: RedisLink) {}

  claim(work: string, everyMs: number): Promise<number> {
    return this.link.attempt(
      async (client) => Number(await claim.run(client, this.link.key('turn', work), everyMs)),
      () => 0,
    );
  }
}
