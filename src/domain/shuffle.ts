import { createHash } from 'node:crypto';
import type { TokenId } from '../events/ids.js';

/**
 * The names of the algorithms below, as published; docs/fair-queue.md describes them for others to reimplement. Version 1
 * drew by the seed alone, so whoever knew the seed knew which number would get which place.
 */
export const drawAlgorithms = {
  seedOnly: 'fisher-yates-sha256-v1',
  mixed: 'fisher-yates-sha256-v2',
} as const;

/** What decides the places of those who joined before the opening, as QueueOpened records it. */
export interface Draw {
  /** The office's secret until the opening, 64 hex digits. */
  readonly seed: string;
  /** Numbers 0 … shuffledCount−1 are drawn. */
  readonly shuffledCount: number;
  /** Digest of those who joined, 64 hex digits: {@link JoinedDigest}. Absent in events of version 1. */
  readonly tokensDigest?: string | undefined;
  /** The round of the public beacon, if one was named; its signature is hex. */
  readonly beacon?: { readonly round: number; readonly signature: string } | undefined;
}

export function drawAlgorithmOf({ tokensDigest }: Draw): string {
  return tokensDigest === undefined ? drawAlgorithms.seedOnly : drawAlgorithms.mixed;
}

/**
 * The seed of the shuffle, 64 hex digits: SHA-256 of what the office alone knew, who joined, and what nobody knew before
 * its time.
 */
export function drawnSeed({ seed, tokensDigest, beacon }: Draw): string {
  if (tokensDigest === undefined) return seed;
  const mixed = createHash('sha256')
    .update('boxoffice draw 2\n')
    .update(Buffer.from(seed, 'hex'))
    .update(Buffer.from(tokensDigest, 'hex'));
  // What drand calls the randomness of a round.
  if (beacon) mixed.update(createHash('sha256').update(Buffer.from(beacon.signature, 'hex')).digest());
  return mixed.digest('hex');
}

/** The place of each queue number below `shuffledCount`. */
export function drawnPlaces(draw: Draw): Uint32Array {
  return shuffledPlaces(drawnSeed(draw), draw.shuffledCount);
}

/** As {@link drawnPlaces}, with pauses in which other work can be done: a million numbers take half a second. */
export function drawing(draw: Draw): Generator<undefined, Uint32Array> {
  return shuffling(drawnSeed(draw), draw.shuffledCount);
}

/**
 * The digest of the tokens that joined a queue, in the order of their numbers: SHA-256 of the number (8 bytes, big-endian)
 * and the id (16 bytes) of each. A second number of one token is left out, as by every fold. Remembers some 60 bytes a token.
 */
export class JoinedDigest {
  readonly #hash = createHash('sha256');
  readonly #seen = new Set<string>();
  readonly #entry = Buffer.alloc(24);

  /** The next number and whose it is. */
  add(number: number, tokenId: TokenId): void {
    const entry = this.#entry;
    entry.write(tokenId.replaceAll('-', ''), 8, 'hex');
    const id = entry.toString('latin1', 8);
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    entry.writeBigUInt64BE(BigInt(number));
    this.#hash.update(entry);
  }

  /** The digest so far, hex; more can be added after it. */
  get value(): string {
    return this.#hash.copy().digest('hex');
  }
}

/**
 * The fair shuffle of everyone who joined before the opening: a Fisher–Yates shuffle (Knuth, TAOCP vol. 2,
 * algorithm P) driven by SHA-256(seed ‖ counter). All that the seed is made of ({@link drawnSeed}) is in QueueOpened,
 * and the SHA-256 of the office's part was published before, so anyone can recompute every place.
 *
 * @param seed 64 hex digits.
 * @param count how many joined before the opening; numbers 0 … count−1.
 * @returns the place of each queue number: a permutation of 0 … count−1.
 */
export function shuffledPlaces(seed: string, count: number): Uint32Array {
  const steps = shuffling(seed, count);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Numbers shuffled between two pauses: about a millisecond. */
const numbersPerStep = 2_048;

function* shuffling(seed: string, count: number): Generator<undefined, Uint32Array> {
  const places = new Uint32Array(count);
  for (let number = 0; number < count; number++) places[number] = number;
  const nextBelow = randomBelow(seed);
  for (let last = count - 1; last > 0; last--) {
    const other = nextBelow(last + 1);
    const swapped = places[last] ?? last;
    places[last] = places[other] ?? other;
    places[other] = swapped;
    if (last % numbersPerStep === 0) yield;
  }
  return places;
}

/** Whether `seed` is the one whose hash was published. */
export function seedMatches(seed: string, seedHash: string): boolean {
  return hashSeed(seed) === seedHash;
}

/** SHA-256 (hex) of a seed given as hex: what is published before the queue opens. */
export function hashSeed(seed: string): string {
  return createHash('sha256').update(Buffer.from(seed, 'hex')).digest('hex');
}

/** Uniform integers in [0, bound) from 32-bit words of SHA-256(seed ‖ counter); biased words are drawn again. */
function randomBelow(seed: string): (bound: number) => number {
  const seedBytes = Buffer.from(seed, 'hex');
  const counterBytes = Buffer.alloc(8);
  let counter = 0n;
  let block = Buffer.alloc(0);
  let offset = 0;
  const nextWord = (): number => {
    if (offset >= block.length) {
      counterBytes.writeBigUInt64BE(counter++);
      block = createHash('sha256').update(seedBytes).update(counterBytes).digest();
      offset = 0;
    }
    const word = block.readUInt32BE(offset);
    offset += 4;
    return word;
  };
  return (bound) => {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = nextWord();
    while (word >= limit) word = nextWord();
    return word % bound;
  };
}
