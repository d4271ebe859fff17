import { type RedisLink, RedisScript } from '../../platform/redis.js';
import type { RoundLease } from '../periodic-task.js';

/** The milliseconds that another process's round still lasts, or 0 when the caller gets a round. */
const claim = new RedisScript(`
if redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
`);

/**
 * A round is a key that expires, so no leader has to be elected, and a process that dies costs one round.
 * While Redis is away every process gets every round.
 */
export class RedisRoundLease implements RoundLease {
  constructor(private readonly link: RedisLink) {}

  claim(task: string, everyMs: number): Promise<number> {
    return this.link.attempt(
      async (client) => Number(await claim.run(client, this.link.key('turn', task), everyMs)),
      () => 0,
    );
  }
}
