import { InMemoryRateLimiter } from '../../src/api/rate-limiter.js';
import { rateLimiterContract } from './rate-limiter-contract.js';

describe('a rate limiter of one process', () => {
  rateLimiterContract(async (perMinute, nowMs) => new InMemoryRateLimiter(perMinute, 10, nowMs));

  it('forgets the callers it has not seen for longest', async () => {
    const limiter = new InMemoryRateLimiter(1, 2, () => 0);
    for (const caller of ['a', 'b', 'c']) expect(await limiter.take(caller)).toBe(0);
    expect(await limiter.take('c')).toBeGreaterThan(0);
    expect(await limiter.take('a')).toBe(0);
  });
});
