import type { RateLimiter } from '../../src/api/rate-limiter.js';

/** What every rate limiter does; `make` gives one that has seen nobody yet. */
export function rateLimiterContract(
  make: (perMinute: number, nowMs: () => number) => Promise<RateLimiter>,
): void {
  const started = Date.parse('2026-11-22T09:00:00.000Z');

  it('allows a burst, then refills evenly', async () => {
    const clock = { ms: started };
    const limiter = await make(60, () => clock.ms);
    for (let i = 0; i < 60; i++) expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(1);
    expect(await limiter.take('b')).toBe(0);
    clock.ms += 500;
    expect(await limiter.take('a')).toBe(0.5);
    clock.ms += 500;
    expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(1);
  });

  it('never saves up more than a minute', async () => {
    const clock = { ms: started };
    const limiter = await make(3, () => clock.ms);
    expect(await limiter.take('a')).toBe(0);
    clock.ms += 3_600_000;
    for (let i = 0; i < 3; i++) expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(20);
  });

  it('gives nothing away when the clock is put back', async () => {
    const clock = { ms: started };
    const limiter = await make(1, () => clock.ms);
    expect(await limiter.take('a')).toBe(0);
    clock.ms -= 60_000;
    expect(await limiter.take('a')).toBe(60);
    clock.ms += 60_000;
    expect(await limiter.take('a')).toBe(60);
  });

  it('takes back what was taken, and no more than it holds', async () => {
    const limiter = await make(2, () => started);
    await limiter.giveBack('a');
    expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(30);
    await limiter.giveBack('a');
    expect(await limiter.take('a')).toBe(0);
    for (let i = 0; i < 3; i++) await limiter.giveBack('a');
    for (let i = 0; i < 2; i++) expect(await limiter.take('a')).toBe(0);
    expect(await limiter.take('a')).toBe(30);
  });

  it('is off at 0', async () => {
    const limiter = await make(0, () => started);
    for (let i = 0; i < 1_000; i++) expect(await limiter.take('a')).toBe(0);
    await limiter.giveBack('a');
  });
}
