import { createHash } from 'node:crypto';
import {
  drawAlgorithmOf,
  drawnPlaces,
  drawnSeed,
  hashSeed,
  JoinedDigest,
  seedMatches,
  shuffledPlaces,
} from '../../src/domain/shuffle.js';
import { tokenIdSchema } from '../../src/events/ids.js';

const seedOf = (n: number) => n.toString(16).padStart(64, '0');

describe('the shuffle of those who joined before the opening', () => {
  it('stays the published algorithm for ever', () => {
    // Computed independently (Fisher–Yates over big-endian 32-bit words of SHA-256(seed ‖ 64-bit counter)).
    expect([...shuffledPlaces(seedOf(1), 16)]).toEqual([
      13, 3, 8, 6, 9, 4, 5, 15, 2, 10, 0, 1, 12, 11, 14, 7,
    ]);
    expect([...shuffledPlaces('ab'.repeat(32), 5)]).toEqual([4, 3, 1, 0, 2]);
    expect(hashSeed('ab'.repeat(32))).toBe(
      '9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885',
    );
  });

  it('draws a biased word again', () => {
    // Computed independently in Python: with this seed and count one word is beyond the largest whole multiple.
    const places = Buffer.alloc(4 * 40_000);
    shuffledPlaces(seedOf(9), 40_000).forEach((place, number) => {
      places.writeUInt32LE(place, 4 * number);
    });
    expect(createHash('sha256').update(places).digest('hex')).toBe(
      '8bbbcce1fd78b6d7dd83c3c83a9be47e6991af705133de47fcec03b45a644bd7',
    );
  });

  it.each([0, 1, 2, 9, 1_000])('gives %i fans every place once', (count) => {
    const places = [...shuffledPlaces(seedOf(7), count)].sort((a, b) => a - b);
    expect(places).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it('differs by seed, and only by seed', () => {
    expect(shuffledPlaces(seedOf(1), 50)).toEqual(shuffledPlaces(seedOf(1), 50));
    expect(shuffledPlaces(seedOf(1), 50)).not.toEqual(shuffledPlaces(seedOf(2), 50));
  });

  it('favours no fan: over many seeds each fan gets each place equally often', () => {
    const [fans, seeds] = [6, 3_000];
    const counts = Array.from({ length: fans }, () => new Array<number>(fans).fill(0));
    for (let n = 0; n < seeds; n++) {
      shuffledPlaces(seedOf(n), fans).forEach((place, fan) => {
        const row = counts[fan] ?? [];
        row[place] = (row[place] ?? 0) + 1;
      });
    }
    const expected = seeds / fans;
    for (const row of counts) {
      const chiSquare = row.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      expect(chiSquare).toBeLessThan(20.5); // the 0.1 % point at 5 degrees of freedom; the seeds are fixed
    }
  });

  it('is tied to the published hash', () => {
    expect(seedMatches(seedOf(1), hashSeed(seedOf(1)))).toBe(true);
    expect(seedMatches(seedOf(2), hashSeed(seedOf(1)))).toBe(false);
  });
});

describe('what decides the draw', () => {
  const seed = 'ab'.repeat(32);
  const token = (n: number) => tokenIdSchema.parse(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
  const digestOf = (...joined: readonly (readonly [number, number])[]) => {
    const digest = new JoinedDigest();
    for (const [number, n] of joined) digest.add(number, token(n));
    return digest.value;
  };

  it('is the seed alone for queues that opened before others were mixed in', () => {
    const old = { seed, shuffledCount: 5 };
    expect(drawAlgorithmOf(old)).toBe('fisher-yates-sha256-v1');
    expect([...drawnPlaces(old)]).toEqual([4, 3, 1, 0, 2]);
  });

  it('is the seed, who joined and the round of the beacon, by a published formula', () => {
    const tokensDigest = digestOf([0, 1], [1, 2]);
    const entry = (number: number, n: number) =>
      Buffer.from(number.toString(16).padStart(16, '0') + token(n).replaceAll('-', ''), 'hex');
    const expected = createHash('sha256')
      .update(Buffer.concat([entry(0, 1), entry(1, 2)]))
      .digest('hex');
    expect(tokensDigest).toBe(expected);
    const parts = ['boxoffice draw 2\n', Buffer.from(seed, 'hex'), Buffer.from(tokensDigest, 'hex')];
    const hashOf = (all: readonly (string | Buffer)[]) =>
      createHash('sha256')
        .update(Buffer.concat(all.map((part) => Buffer.from(part))))
        .digest();
    const draw = { seed, shuffledCount: 5, tokensDigest };
    expect(drawAlgorithmOf(draw)).toBe('fisher-yates-sha256-v2');
    expect(drawnSeed(draw)).toBe(hashOf(parts).toString('hex'));
    expect([...drawnPlaces(draw)]).toEqual([...shuffledPlaces(drawnSeed(draw), 5)]);
    const signature = '12'.repeat(48);
    const randomness = hashOf([Buffer.from(signature, 'hex')]);
    expect(drawnSeed({ ...draw, beacon: { round: 7, signature } })).toBe(
      hashOf([...parts, randomness]).toString('hex'),
    );
  });

  it('changes with every token that joins, and with their order', () => {
    const digests = [
      digestOf(),
      digestOf([0, 1]),
      digestOf([0, 2]),
      digestOf([1, 1]),
      digestOf([0, 1], [1, 2]),
    ];
    expect(new Set([...digests, digestOf([0, 2], [1, 1])]).size).toBe(6);
  });

  it('leaves out a second number of one token, and can be read while it grows', () => {
    const digest = new JoinedDigest();
    digest.add(0, token(1));
    expect(digest.value).toBe(digestOf([0, 1]));
    digest.add(1, token(1));
    expect(digest.value).toBe(digestOf([0, 1]));
    digest.add(2, token(3));
    expect(digest.value).toBe(digestOf([0, 1], [2, 3]));
  });
});
