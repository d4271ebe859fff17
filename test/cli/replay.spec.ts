import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { recordedSale } from '../analysis/what-if/recorded-sale.js';
import { createCommandSide } from '../commands/box-office.js';
import { openTheatre, performanceId, scheduleId } from '../commands/theatre.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

let env: Awaited<ReturnType<typeof freshEnv>>;
beforeAll(async () => {
  env = await freshEnv();
  mkdirSync(env.DATA_DIR, { recursive: true });
  const sales = { maxActive: 6, admitPerSecond: 2, holdTtlMs: 8_000, serviceWindowMs: 30_000 };
  const recorded = await recordedSale({ fans: 8, rush: 50, sales });
  const copy = await openSqliteEventStore({ file: join(env.DATA_DIR, 'events.db') });
  for (const event of await recorded.readAll()) await copy.append(event.stream, 'any', [event]);
  await copy.close();
});

describe('replay', () => {
  it('reports what happened beside both simulations, the same for the same seed', async () => {
    const replayed = () =>
      cli(['replay', performanceId, '--hold-ttl', '4s', '--max-active', '2', '--seed', '3', '--json'], env);
    const { code, stdout } = await replayed();
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report.settings).toEqual({ ...report.recordedSettings, holdTtlMs: 4_000, maxActive: 2 });
    expect(report.recorded).toMatchObject({ fans: 8, seatsForSale: 20, neverGotIn: 0 });
    expect(report.whatIf.wait.p95Ms).toBeGreaterThan(report.baseline.wait.p95Ms);
    expect((await replayed()).stdout).toBe(stdout);
    const text = await cli(['replay', performanceId, '--hold-ttl', '4s'], env);
    expect(text.stdout).toMatch(/seats sold +\d+ +\d+ +\d+/);
    expect(text.stdout).toContain('hold 8 s → 4 s');
  });

  it('draws a chart that stands alone and can be read without seeing it', async () => {
    const [html, svg] = [join(env.DATA_DIR, 'r.html'), join(env.DATA_DIR, 'r.svg')];
    expect((await cli(['replay', performanceId, '--html', html, '--svg', svg], env)).code).toBe(0);
    const chart = readFileSync(svg, 'utf8');
    expect(chart).toMatch(/role="img" aria-labelledby="chart-title chart-desc"/);
    expect(chart).toMatch(/<desc id="chart-desc">What happened: \d+ seats sold/);
    expect(chart.match(/<path /g)).toHaveLength(3);
    expect(chart).toContain('since the opening</text>');
    expect(chart).not.toMatch(/NaN|undefined|Infinity/);
    const page = readFileSync(html, 'utf8');
    expect(page).toContain(chart.trim());
    expect(page).not.toMatch(/<script|<link|url\(|src=|href=/);
    expect((await cli(['replay', performanceId, '--svg', env.DATA_DIR], env)).code).toBe(2);
  });

  it.each([
    ['--hold-ttl', '3 minutes'],
    ['--hold-ttl', '1ms'],
    ['--max-active', '0'],
    ['--admit-per-second', 'fast'],
    ['--seed', '-1'],
  ])('refuses %s %s and names it', async (flag, value) => {
    const { code, stderr } = await cli(['replay', performanceId, flag, value], env);
    expect([code, stderr]).toEqual([2, expect.stringContaining(flag)]);
  });

  it('says what is missing when there is nothing to replay', async () => {
    expect(await cli(['replay', scheduleId], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no performance'),
    });
    const unopened = await freshEnv();
    mkdirSync(unopened.DATA_DIR, { recursive: true });
    const side = createCommandSide();
    await openTheatre(side);
    const copy = await openSqliteEventStore({ file: join(unopened.DATA_DIR, 'events.db') });
    for (const event of await side.store.readAll()) await copy.append(event.stream, 'any', [event]);
    await copy.close();
    const { code, stderr } = await cli(['replay', performanceId], unopened);
    expect([code, stderr]).toEqual([2, expect.stringContaining('has not opened')]);
  });
});
