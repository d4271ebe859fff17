import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ready, startTimeoutMs } from './members.mjs';
import { connects, freePort } from './ports.mjs';
import { findProgram, MissingEngine } from './programs.mjs';

/**
 * Timers and what processes share: the server of REDIS_URL, or a Redis or Valkey of PATH.
 * @returns its URL.
 * @throws {MissingEngine} when there is none.
 */
export async function startRedis({ folder, env, start }) {
  if (env.REDIS_URL) return env.REDIS_URL;
  const program = findProgram(['redis-server', 'valkey-server']);
  if (program === undefined) {
    throw new MissingEngine(
      'Redis is missing: install Redis 6.2 or later, or set REDIS_URL to a running one.',
    );
  }
  const own = join(folder, 'redis');
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const port = await freePort();
  // Nothing is kept: timers are restored from the read models.
  const settings = { port, bind: '127.0.0.1', dir: own, save: '', appendonly: 'no' };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const member = start('redis', [program, ...flags, '--maxmemory-policy', 'noeviction']);
  await ready('Redis', () => connects(port), startTimeoutMs, member);
  return `redis://127.0.0.1:${port}`;
}
