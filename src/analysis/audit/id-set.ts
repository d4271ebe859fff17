/**
 * A set of UUIDs in 16 bytes each or less: it remembers their first 64 bits, in an open-addressing hash table.
 * Two different ids share them with a probability of about n² / 2^61 for n events (one in 20,000 for ten
 * million), so a repetition it reports is one to look at, and one it does not report is none.
 */
export class IdSet {
  #slots = new Uint32Array(2 * 1024);
  #size = 0;
  #hasZero = false;

  /** Adds an id. @returns false when it was there already. */
  add(uuid: string): boolean {
    const high = Number.parseInt(uuid.slice(0, 8), 16);
    const low = Number.parseInt(uuid.slice(9, 13) + uuid.slice(14, 18), 16);
    // An empty slot reads as 0, 0.
    if (high === 0 && low === 0) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      return isNew;
    }
    if (!this.#insert(high, low)) return false;
    this.#size++;
    if (this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #insert(high: number, low: number): boolean {
    const capacity = this.#slots.length / 2;
    for (let slot = (high ^ low) & (capacity - 1); ; slot = (slot + 1) & (capacity - 1)) {
      const knownHigh = this.#slots[2 * slot];
      const knownLow = this.#slots[2 * slot + 1];
      if (knownHigh === high && knownLow === low) return false;
      if (knownHigh === 0 && knownLow === 0) {
        this.#slots[2 * slot] = high;
        this.#slots[2 * slot + 1] = low;
        return true;
      }
    }
  }

  #grow(): void {
    const known = this.#slots;
    this.#slots = new Uint32Array(known.length * 2);
    for (let i = 0; i < known.length; i += 2) {
      const high = known[i] ?? 0;
      const low = known[i + 1] ?? 0;
      if (high !== 0 || low !== 0) this.#insert(high, low);
    }
  }
}
