import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { hashSeed, shuffleAlgorithm, shuffledPlaces } from '../../src/domain/shuffle.js';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'fair-queue.md'), 'utf8');
const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

/** The function of the page, as a reader would copy it. */
const placesOf: (seed: string, count: number) => number[] = new Function(
  'require',
  `${code}; return placesOf;`,
)(createRequire(__filename));

describe('the page about the fair queue', () => {
  it('names the algorithm', () => {
    expect(page).toContain(`The algorithm \`${shuffleAlgorithm}\``);
  });

  it('gives code that reproduces its own test vectors', () => {
    const seed = 'ab'.repeat(32);
    expect(page).toContain(seed);
    expect(page).toContain(`\`${hashSeed(seed)}\``);
    expect(page).toContain(`\`${placesOf(seed, 5).join(' ')}\``);
    expect(page).toContain(`\`${placesOf(`${'0'.repeat(63)}1`, 16).join(' ')}\``);
  });

  it.each([0, 1, 2, 7, 1_000])('gives code that agrees with the office about %i fans', (count) => {
    for (const seed of ['ab'.repeat(32), '01'.repeat(32)]) {
      expect(placesOf(seed, count)).toEqual([...shuffledPlaces(seed, count)]);
    }
  });
});
