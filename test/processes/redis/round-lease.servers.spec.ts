import { RedisRoundLease } from '../../../src/processes/redis/round-lease.js';
import { closeLinks, linked } from '../../platform/linked.js';
import { startRedis, type TestRedis } from '../../services/redis.js';
import { eventually } from '../../services/wait-until.js';

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  closeLinks();
  await redis.stop();
});

async function twoProcesses() {
  const a = await linked(redis.url);
  const b = await linked(redis.url, { prefix: a.link.prefix });
  return [new RedisRoundLease(a.link), new RedisRoundLease(b.link)] as const;
}

describe('rounds that processes claim in Redis', () => {
  it('go to one process each round; the others learn when the next begins', async () => {
    const leases = await twoProcesses();
    const waits = await Promise.all([...leases, ...leases].map((one) => one.claim('sweep', 60_000)));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(1);
    for (const waitMs of waits.filter((one) => one > 0)) {
      expect(waitMs).toBeGreaterThan(30_000);
      expect(waitMs).toBeLessThanOrEqual(60_000);
    }
  });

  it('are taken for each kind of work apart', async () => {
    const [a, b] = await twoProcesses();
    expect(await a.claim('sweep', 60_000)).toBe(0);
    expect(await b.claim('admission', 60_000)).toBe(0);
  });

  it('go on to another process when one does not come back', async () => {
    const [a, b] = await twoProcesses();
    expect(await a.claim('sweep', 50)).toBe(0);
    await eventually(async () => (await b.claim('sweep', 50)) === 0);
  });

  it('are everybody’s while Redis is away', async () => {
    const [a, b] = await twoProcesses();
    await redis.kill();
    expect(await Promise.all([a.claim('sweep', 60_000), b.claim('sweep', 60_000)])).toEqual([0, 0]);
  });
});
