import { shuffledPlaces } from '../../domain/shuffle.js';
import type { SalesRules } from '../../events/catalog-events.js';
import { addMs, type Instant, type TokenId } from '../../events/ids.js';
import type { EventRef } from './report.js';

/** An admission of a contiguous range of places, `from` inclusive to `to` exclusive. */
export interface AdmittedPlaces {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
  readonly ref: EventRef;
}

/** How long a command may go on with a copy of rules that were replaced. */
const rulesCopyMaxAgeMs = 60_000;

/** What the log tells of one performance's queue. */
export class QueueLine {
  /** Events of the queue's stream: numbers given. */
  issued = 0;
  /** Places below this one were admitted. */
  admittedUpTo = 0;
  seedHash: string | undefined;
  #rules: { readonly now: SalesRules; readonly before: SalesRules; readonly revisedAt: Instant } | undefined;
  /** The shuffle of those who joined early: place by number, and number by place. */
  #opening: { readonly places: Uint32Array; readonly numbers: Uint32Array } | undefined;
  readonly #ranges: AdmittedPlaces[] = [];
  /** By number, until admitted. */
  readonly #waiting = new Map<number, TokenId>();
  readonly #numbers = new Map<TokenId, number>();
  /** Deadlines of the fans inside: to enter, later to finish. */
  readonly #inside = new Map<TokenId, Instant>();

  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** Fans inside; some may have lapsed, see {@link dropLapsed}. */
  get active(): number {
    return this.#inside.size;
  }

  revise(rules: SalesRules, at: Instant): void {
    this.#rules = { now: rules, before: this.#rules?.now ?? rules, revisedAt: at };
  }

  /** The rules that a decision at `at` may have known: the latest, and those they replaced a moment ago. */
  rulesAt(at: Instant): readonly SalesRules[] {
    if (!this.#rules) return [];
    const { now, before, revisedAt } = this.#rules;
    return at < addMs(revisedAt, rulesCopyMaxAgeMs) ? [now, before] : [now];
  }

  /** The first number of a token counts; a second one is nobody's. */
  issue(tokenId: TokenId, number: number): void {
    this.issued = number + 1;
    if (this.#numbers.has(tokenId)) return;
    this.#numbers.set(tokenId, number);
    this.#waiting.set(number, tokenId);
  }

  /** @param shuffledCount numbers below it get their place from the seed. */
  open(seed: string, shuffledCount: number): void {
    const places = shuffledPlaces(seed, shuffledCount);
    const numbers = new Uint32Array(shuffledCount);
    places.forEach((place, number) => {
      numbers[place] = number;
    });
    this.#opening = { places, numbers };
  }

  /** The place of a token's number; undefined without a number or before the opening. */
  placeOf(tokenId: TokenId): number | undefined {
    const number = this.#numbers.get(tokenId);
    return number === undefined || !this.#opening ? undefined : (this.#opening.places[number] ?? number);
  }

  /** Lets a range in. @param isWaiting whether a token still waits. @returns how many fans came in. */
  admit(range: AdmittedPlaces, isWaiting: (tokenId: TokenId) => boolean): number {
    this.admittedUpTo = range.to;
    this.#ranges.push(range);
    let entered = 0;
    for (let place = range.from; place < Math.min(range.to, this.issued); place++) {
      const number = this.#opening?.numbers[place] ?? place;
      const tokenId = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (tokenId === undefined || !isWaiting(tokenId)) continue;
      this.#inside.set(tokenId, range.expiresAt);
      entered++;
    }
    return entered;
  }

  /** The admission that let a place in (binary search: ranges are in order of places). */
  rangeOf(place: number): AdmittedPlaces | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.to ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    const range = this.#ranges[low];
    return range && range.from <= place ? range : undefined;
  }

  /** Somebody stepped in: the time inside runs until `expiresAt`. */
  enter(tokenId: TokenId, expiresAt: Instant): void {
    this.#inside.set(tokenId, expiresAt);
  }

  /** A turn ended. */
  leave(tokenId: TokenId): void {
    this.#inside.delete(tokenId);
  }

  /** Forgets those inside whose deadline had passed at `now`. */
  dropLapsed(now: Instant): void {
    for (const [tokenId, deadline] of this.#inside) if (deadline <= now) this.#inside.delete(tokenId);
  }
}
