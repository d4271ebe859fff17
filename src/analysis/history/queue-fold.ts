import type { TokenId } from '../../events/ids.js';
import type { Moment } from './port.js';
import { type QueueTimeline, queueKinds } from './queue-timeline.js';

/** How far a token is; one that has not come up yet waits. */
const waiting = 0;
const admitted = 1;
const entered = 2;
const over = 3;

const nobody = -1;

/** What a queue says of one token. Events are numbered by the timeline. */
export interface TokenThen {
  readonly number: number;
  /** The event that gave it the number. */
  readonly issuedBy: number | undefined;
  /** Undefined until the queue opened. */
  readonly place: number | undefined;
  /** The event that drew the place, for one who joined before the opening. */
  readonly drawnBy: number | undefined;
  /** The event that let the place in. */
  readonly admittedBy: number | undefined;
  readonly isWaiting: boolean;
}

/** A queue as it was: its events up to a moment, folded. A token's second number is nobody's. */
export class QueueFold {
  /** Places below this one were admitted. */
  admittedUpTo = 0;
  /** Fans with a number who wait. */
  waiting = 0;
  /** Fans admitted or inside. */
  active = 0;
  /** The event that opened the queue. */
  #openedBy: number | undefined;
  readonly #count: number;
  /** By token. */
  readonly #statuses: Uint8Array;
  /** By token; {@link nobody} without one. */
  readonly #numbers: Int32Array;
  /** By number. */
  readonly #tokens: number[] = [];
  /** By place, for those whose place was drawn. */
  readonly #drawn: Uint32Array;

  constructor(
    private readonly timeline: QueueTimeline,
    moment: Moment,
  ) {
    this.#count = timeline.countAt(moment);
    this.#statuses = new Uint8Array(timeline.names);
    this.#numbers = new Int32Array(timeline.names).fill(nobody);
    this.#drawn = inverse(timeline.places);
    for (let n = 0; n < this.#count; n++) this.#apply(n);
    for (const token of this.#tokens) {
      if (token === nobody) continue;
      if (this.#statuses[token] === waiting) this.waiting += 1;
      else if (this.#statuses[token] !== over) this.active += 1;
    }
  }

  get isOpen(): boolean {
    return this.#openedBy !== undefined;
  }

  /** Numbers given; the next fan gets this one. */
  get issued(): number {
    return this.#tokens.length;
  }

  /** The number of who is next; undefined before the opening and when nobody waits. */
  nextNumber(): number | undefined {
    if (!this.isOpen) return undefined;
    for (let place = this.admittedUpTo; place < this.issued; place++) {
      const number = this.#numberAt(place);
      if (this.#isWaiting(number)) return number;
    }
    return undefined;
  }

  /** Undefined when the token has no number (yet). */
  tokenOf(tokenId: TokenId): TokenThen | undefined {
    const { kinds, subjects, details, places } = this.timeline;
    const token = this.timeline.find(tokenId) ?? nobody;
    const number = this.#numbers[token] ?? nobody;
    if (number === nobody) return undefined;
    const place = this.isOpen ? (places[number] ?? number) : undefined;
    const letsIn = (n: number) =>
      place !== undefined && (subjects[n] ?? 0) <= place && place < (details[n] ?? 0);
    return {
      number,
      issuedBy: this.#first((n) => kinds[n] === queueKinds.issued && subjects[n] === token),
      place,
      drawnBy: number < places.length ? this.#openedBy : undefined,
      admittedBy: this.#first((n) => kinds[n] === queueKinds.admitted && letsIn(n)),
      isWaiting: this.#isWaiting(number),
    };
  }

  #apply(n: number): void {
    const { kinds, subjects, details } = this.timeline;
    const subject = subjects[n] ?? 0;
    const detail = details[n] ?? 0;
    switch (kinds[n]) {
      case queueKinds.issued: {
        const isFirst = this.#numbers[subject] === nobody;
        this.#tokens[detail] = isFirst ? subject : nobody;
        if (isFirst) this.#numbers[subject] = detail;
        return;
      }
      case queueKinds.opened:
        this.#openedBy = n;
        return;
      case queueKinds.admitted:
        for (let place = subject; place < detail; place++) {
          const number = this.#numberAt(place);
          if (this.#isWaiting(number)) this.#statuses[this.#tokens[number] ?? 0] = admitted;
        }
        this.admittedUpTo = detail;
        return;
      case queueKinds.entered:
        this.#statuses[subject] = entered;
        return;
      case queueKinds.ended:
        this.#statuses[subject] = over;
    }
  }

  #numberAt(place: number): number {
    return this.#drawn[place] ?? place;
  }

  #isWaiting(number: number): boolean {
    const token = this.#tokens[number] ?? nobody;
    return token !== nobody && this.#statuses[token] === waiting;
  }

  #first(matches: (n: number) => boolean): number | undefined {
    for (let n = 0; n < this.#count; n++) if (matches(n)) return n;
    return undefined;
  }
}

/** The number at each place. */
function inverse(places: Uint32Array): Uint32Array {
  const numbers = new Uint32Array(places.length);
  for (let number = 0; number < places.length; number++) numbers[places[number] ?? 0] = number;
  return numbers;
}
