import { InMemoryRateLimiter, RedisRateLimiter, redisRateLimiters } from '../../src/api/rate-limiter.js';
import type { RedisLink } from '../../src/platform/redis.js';
import { closeLinks, linked } from '../platform/linked.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { noRateLimits } from './api-under-test.js';
import { rateLimiterContract } from './rate-limiter-contract.js';

describe('a rate limiter that processes share', () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    closeLinks();
    await redis.stop();
  });

  const limits = { ...noRateLimits, passwordsPerMinute: 2, commandsPerMinute: 3 };

  function limiterOf(link: RedisLink, perMinute: number, nowMs: () => number) {
    return new RedisRateLimiter(
      link,
      'test',
      perMinute,
      new InMemoryRateLimiter(perMinute, 10, nowMs),
      nowMs,
    );
  }

  rateLimiterContract(async (perMinute, nowMs) =>
    limiterOf((await linked(redis.url)).link, perMinute, nowMs),
  );

  it('counts what a caller asks of any process, log-ins and commands apart', async () => {
    const a = await linked(redis.url);
    const b = await linked(redis.url, { prefix: a.link.prefix });
    const inA = redisRateLimiters(a.link, limits, () => 0);
    const inB = redisRateLimiters(b.link, limits, () => 0);
    expect(await inA.passwords.take('caller')).toBe(0);
    expect(await inB.passwords.take('caller')).toBe(0);
    expect(await inA.passwords.take('caller')).toBe(30);
    for (const { commands } of [inA, inB, inA]) expect(await commands.take('caller')).toBe(0);
    expect(await inB.commands.take('caller')).toBe(20);
  });

  it('remembers a caller no longer than it takes to fill up', async () => {
    const { link } = await linked(redis.url);
    await limiterOf(link, 5, () => 0).take('x'.repeat(10_000));
    const [key = ''] = await link.client.keys('*');
    expect(key.length).toBeLessThan(200);
    const leftMs = await link.client.pttl(key);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(60_000);
  });

  it('limits in each process on its own while Redis is away', async () => {
    const { link } = await linked(redis.url);
    const limiter = limiterOf(link, 2, () => 0);
    expect(await limiter.take('a')).toBe(0);
    await redis.kill();
    expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(30);
  });
});
