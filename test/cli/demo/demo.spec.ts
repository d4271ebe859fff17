import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { runCli } from '../../../src/cli/main.js';
import { eventually } from '../../services/wait-until.js';
import { CapturedTerminal, cli, freshEnv, removeFolders } from '../captured-terminal.js';

afterAll(removeFolders);

const demoFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('boxoffice-demo-'));

describe('the demo', () => {
  it('plays on a server of its own, ends clean, and leaves nothing behind', async () => {
    const before = demoFolders();
    const { code, stdout, stderr } = await cli(
      ['demo', '--fans', '12', '--seed', '5', '--json'],
      await freshEnv(),
    );
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({
      clean: true,
      fans: 12,
      surprises: [],
      reservations: { soldTwice: [] },
      audit: { kind: 'clean' },
    });
    expect(code).toBe(0);
    expect(summary.seatsSold).toBeGreaterThan(0);
    expect(summary.reservations.confirmed).toBe(summary.seatsSold - summary.seatsGivenBack);
    expect(summary.points.charged).toBeGreaterThanOrEqual(summary.points.spent - summary.points.refunded);
    expect(Object.values<number>(summary.endings).reduce((sum, n) => sum + n, 0)).toBe(12);
    expect(stderr).toContain('12 done');
    expect(demoFolders()).toEqual(before);
  });

  it('names a server that does not answer', async () => {
    const { PORT } = await freshEnv();
    const { code, stderr } = await cli(['demo', '--server', `http://127.0.0.1:${PORT}`]);
    expect(code).toBe(1);
    expect(stderr).toContain('no boxoffice server answers');
  });

  it('ends at a signal with what happened so far', async () => {
    const before = demoFolders();
    const terminal = new CapturedTerminal(await freshEnv());
    const running = runCli(['demo', '--fans', '60'], terminal);
    await eventually(() => terminal.stderr.includes(' ready'));
    process.emit('SIGINT');
    expect(await running).toBe(130);
    expect(terminal.stdout).toMatch(/60 fans.*\(interrupted\)/);
    expect(demoFolders()).toEqual(before);
  });
});
