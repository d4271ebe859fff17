/**
 * A stream of pseudo-random numbers, the same in every run: sfc32 by Chris Doty-Humphrey (PractRand,
 * public domain), its state filled by a hash of the seed and the stream's name (FNV-1a and the finaliser of
 * MurmurHash3, both public domain). Streams of different names are independent: what one part of a simulation
 * draws does not change what another draws.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string) {
    const text = `${seed} ${stream}`;
    this.#a = hashText(text, 0x811c9dc5);
    this.#b = hashText(text, this.#a);
    this.#c = hashText(text, this.#b);
    for (let warmUp = 0; warmUp < 12; warmUp++) this.#draw();
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number {
    return this.#draw() / 2 ** 32;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** A whole number, both ends included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True with this probability. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** One of the items; undefined when there are none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  /** At least one of the items, in their order. */
  pickSome<Item>(items: readonly Item[]): Item[] {
    const sure = this.below(items.length);
    return items.filter((_, index) => index === sure || this.chance(0.25));
  }

  /** Exponentially distributed, as the gaps between independent arrivals are. */
  gap(mean: number): number {
    return Math.round(-Math.log(1 - this.next()) * mean);
  }

  /** A UUID of version 4. */
  uuid(): `${string}-${string}-${string}-${string}-${string}` {
    const hex = () => this.#draw().toString(16).padStart(8, '0');
    const [a, b, c, d] = [hex(), hex(), hex(), hex()];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-8${c.slice(1, 4)}-${c.slice(4)}${d}`;
  }

  #draw(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** 32 bits of a text, beginning from `basis`. */
export function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
