/**
 * A small pseudo-random generator (Mulberry32 by Tommy Ettinger, public domain): the same seed gives the same numbers.
 * For demos and simulations, never for secrets.
 */
export class Random {
  #state: number;

  /** @param seed any whole number. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A separate generator for each fan, so that a fan's choices do not depend on the order of the fans. */
  static ofFan(seed: number, fan: number): Random {
    return new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(fan + 1, 0x85ebca6b));
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** One of several values, chosen by their weights. */
  weighted<T>(choices: readonly (readonly [weight: number, thing: T])[]): T | undefined {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, thing] of choices) {
      left -= weight;
      if (left < 0) return thing;
    }
    return choices.at(-1)?.[1];
  }
}
