import { RedisLink, type RedisLinkOptions } from '../../src/platform/redis.js';
import { RecordedLog } from '../processes/support.js';

const links: RedisLink[] = [];
let made = 0;

/** A connected link; each has a part of Redis of its own unless it is given a prefix. */
export async function linked(
  url: string,
  options: RedisLinkOptions = {},
): Promise<{ readonly link: RedisLink; readonly log: RecordedLog }> {
  const log = new RecordedLog();
  const prefix = `test-${process.pid}-${made++}`;
  const link = new RedisLink(url, log, { prefix, timeoutMs: 2_000, restMs: 20, ...options });
  links.push(link);
  if (!(await link.waitUntilReady(5_000))) throw new Error('Redis is not there');
  return { link, log };
}

/** For afterEach. */
export function closeLinks(): void {
  for (const link of links.splice(0)) link.close();
}
