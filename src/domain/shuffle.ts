import { createHash } from 'node:crypto';

/** The name of the algorithm below, as published; docs/fair-queue.md describes it for others to reimplement. */
export const shuffleAlgorithm = 'fisher-yates-sha256-v1';

/**
 * The fair shuffle of everyone who joined before the opening: a Fisher–Yates shuffle (Knuth, TAOCP vol. 2,
 * algorithm P) driven by SHA-256(seed ‖ counter). The seed's own SHA-256 is published with the performance
 * and the seed is revealed by QueueOpened, so anyone can recompute every place.
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

/** Numbers shuffled between two pauses of {@link shuffling}: about a millisecond. */
const numbersPerStep = 2_048;

/** As {@link shuffledPlaces}, with pauses in which other work can be done: a million numbers take half a second. */
export function* shuffling(seed: string, count: number): Generator<undefined, Uint32Array> {
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
