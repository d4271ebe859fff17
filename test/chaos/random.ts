/** Choices that are the same for one seed on every machine. */
export class Random {
  #state: number;

  /** @param seed any integers: the same ones make the same choices. */
  constructor(...seed: readonly number[]) {
    // FNV-1a over the numbers, so that neighbouring seeds share nothing.
    this.#state = seed.reduce((hash, part) => Math.imul(hash ^ part, 0x01000193), 0x811c9dc5);
  }

  /** 0 … 1, without 1: mulberry32 by Tommy Ettinger. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const keyed = items.map((item) => ({ item, key: this.next() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  }
}
