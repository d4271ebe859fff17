import { walletDecider } from '../../src/domain/wallet.js';
import { faultKinds } from '../../src/simulator/faults.js';
import { plantIn } from '../simulator/injected-bugs.js';
import { cli } from './captured-terminal.js';

const tiny = ['simulate', '--seeds', '2', '--steps', '40', '--jobs', '1'];

describe('boxoffice simulate', () => {
  it('reports as JSON what happened, and exits with 0 when nothing is wrong', async () => {
    const { code, stdout } = await cli([...tiny, '--from', '7', '--json']);
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report).toMatchObject({ seeds: 2, repeated: 0, failures: [] });
    expect(Object.keys(report.faults)).toEqual(faultKinds);
    expect(report.events).toBeGreaterThan(0);
  });

  it('tells people what never happened, and lets no switched-off fault strike', async () => {
    const without = faultKinds.flatMap((kind) => ['--without', kind]);
    const { code, stdout } = await cli([...tiny, ...without]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 seeds in /m);
    expect(stdout).toMatch(/^never seen \(in so few seeds\): /m);
    expect(stdout).toMatch(/Nothing is wrong\./);
    expect(stdout).not.toMatch(/^\s*[1-9]\d* +reply-lost/m);
  });

  it('names each failing seed and how to repeat it, and exits with 1', async () => {
    const putBack = plantIn(
      walletDecider,
      (decide) => (command, state, now) =>
        decide(command, { ...state, balance: state.balance + Number(command.kind === 'credit') }, now),
    );
    try {
      const { code, stdout } = await cli([...tiny, '--from', '7', '--json']);
      expect(code).toBe(1);
      expect(JSON.parse(stdout).failures).toContainEqual({
        seed: 7,
        reproduce: 'npx boxoffice simulate --seed 7 --steps 40 --trace',
        findings: [expect.objectContaining({ code: 'wallet-balance' })],
      });
    } finally {
      putBack();
    }
  });

  it('traces one seed', async () => {
    const { code, stdout } = await cli(['simulate', '--seed', '7', '--steps', '10', '--trace']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/step +\d+ +log 1: VenuePublished/);
  });

  it('refuses what it cannot run with exit code 2', async () => {
    for (const wrong of [
      ['--trace'],
      ['--without', 'rain'],
      ['--steps', '0'],
      ['--seed', '-1'],
      ['--jobs', 'many'],
    ]) {
      const { code, stderr } = await cli(['simulate', ...wrong]);
      expect([wrong, code, stderr]).toEqual([wrong, 2, expect.stringContaining(wrong[0] ?? '')]);
    }
  });
});
