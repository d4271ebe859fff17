import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beaconChain } from '../../src/domain/beacon.js';
import {
  drawAlgorithms,
  drawnSeed,
  hashSeed,
  JoinedDigest,
  shuffledPlaces,
} from '../../src/domain/shuffle.js';
import { tokenIdSchema } from '../../src/events/ids.js';
import { quicknetHash } from '../../src/platform/drand.js';
import { signature1000 } from '../integrations/beacon/rounds.js';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'fair-queue.md'), 'utf8');
const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';

/** The functions of the page, as a reader would copy them. */
const published: {
  placesOf: (seed: string, count: number) => number[];
  digestOf: (tokens: readonly (readonly [number, string])[]) => string;
  seedOf: (seed: string, digest: string, signature?: string) => string;
} = new Function('require', `${code}; return { placesOf, digestOf, seedOf };`)(createRequire(__filename));
const { placesOf, digestOf, seedOf } = published;

describe('the page about the fair queue', () => {
  it('names the algorithm', () => {
    expect(page).toContain(`The algorithm \`${drawAlgorithms.mixed}\``);
    expect(page).toContain(`\`${drawAlgorithms.seedOnly}\``);
    expect(page).toContain(`RANDOMNESS_BEACON=${beaconChain}`);
    expect(page).toContain(quicknetHash);
  });

  it('gives code that reproduces its own test vectors', () => {
    const seed = 'ab'.repeat(32);
    expect(page).toContain(seed);
    expect(page).toContain(`\`${hashSeed(seed)}\``);
    expect(page).toContain(`\`${placesOf(seed, 5).join(' ')}\``);
    expect(page).toContain(`\`${placesOf(`${'0'.repeat(63)}1`, 16).join(' ')}\``);
  });

  it('gives code that mixes what the office mixes, with its own test vectors', () => {
    const seed = 'ab'.repeat(32);
    const tokens = [1, 2].map((n) => tokenIdSchema.parse(`00000000-0000-4000-8000-00000000000${n}`));
    const digest = new JoinedDigest();
    tokens.forEach((token, number) => {
      digest.add(number, token);
    });
    const tokensDigest = digest.value;
    expect(digestOf(tokens.map((token, number) => [number, token]))).toBe(tokensDigest);
    expect(page).toContain(`\`${tokensDigest}\``);
    const draw = { seed, shuffledCount: 2, tokensDigest };
    const beacon = { round: 1000, signature: signature1000 };
    expect(seedOf(seed, tokensDigest)).toBe(drawnSeed(draw));
    expect(seedOf(seed, tokensDigest, signature1000)).toBe(drawnSeed({ ...draw, beacon }));
    expect(page).toContain(`\`${drawnSeed(draw)}\``);
    expect(page).toContain(`\`${drawnSeed({ ...draw, beacon })}\``);
    expect(page).toContain(signature1000);
  });

  it.each([0, 1, 2, 7, 1_000])('gives code that agrees with the office about %i fans', (count) => {
    for (const seed of ['ab'.repeat(32), '01'.repeat(32)]) {
      expect(placesOf(seed, count)).toEqual([...shuffledPlaces(seed, count)]);
    }
  });
});
