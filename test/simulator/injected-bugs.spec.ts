import { simulate } from '../../src/simulator/simulate.js';
import { injectedBugs } from './injected-bugs.js';

// Minutes, on a machine with much else to do.
jest.setTimeout(1_800_000);

/** Seeds within which each must be found. */
const maxSeeds = 1_000;

describe('a simulation finds it when', () => {
  it.each(injectedBugs)('$name', async ({ codes, seams, plant, firstSeed = 1 }) => {
    const putBack = plant?.();
    try {
      let found: readonly string[] = [];
      for (let seed = firstSeed; seed <= maxSeeds && found.length === 0; seed++) {
        const { findings } = await simulate({ seed, steps: 300, ...(seams ? { seams } : {}) });
        found = findings.map(({ code }) => code);
      }
      expect(codes).toEqual(expect.arrayContaining(found.slice(0, 1)));
      expect(found).not.toEqual([]);
    } finally {
      putBack?.();
    }
  });
});
