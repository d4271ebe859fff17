import type { Position } from '../../event-store/port.js';
import { toInstant } from '../../events/ids.js';
import type { Place } from './moment.js';
import type { Moment } from './port.js';

/** What a timeline keeps of one event: numbers, whose meaning is up to the kind of timeline. */
export interface TimelineEvent extends Place {
  /** 0 … 255. */
  readonly kind: number;
  /** Whom it concerns, mostly a number {@link Timeline.numberOf} gave. */
  readonly subject: number;
  readonly detail: number;
}

const firstCapacity = 256;
const bytesPerEvent = 8 + 8 + 8 + 4 + 1;
/** An estimate: a text of up to 36 characters in a Map. */
const bytesPerName = 120;

/**
 * Events of one date or one queue in the order of the log, as columns of numbers: a hundred thousand take three
 * megabytes, and folding them takes less time than writing the reply.
 */
export class Timeline {
  length = 0;
  kinds = new Uint8Array(firstCapacity);
  subjects = new Uint32Array(firstCapacity);
  details = new Float64Array(firstCapacity);
  #positions = new Float64Array(firstCapacity);
  /** Never falls: an event of a process whose clock is behind counts as decided with the one before. */
  #atMs = new Float64Array(firstCapacity);
  readonly #numbers = new Map<string, number>();

  /** Memory it takes. */
  get bytes(): number {
    return this.kinds.length * bytesPerEvent + this.#numbers.size * bytesPerName;
  }

  /** How many names have a number. */
  get names(): number {
    return this.#numbers.size;
  }

  add({ position, at, kind, subject, detail }: TimelineEvent): void {
    if (this.length === this.kinds.length) this.#grow();
    const n = this.length++;
    this.#positions[n] = position;
    this.#atMs[n] = Math.max(Date.parse(at), this.#atMs[n - 1] ?? 0);
    this.kinds[n] = kind;
    this.subjects[n] = subject;
    this.details[n] = detail;
  }

  /** The number that stands for a name, given at its first mention. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** The number of a name, if it was ever mentioned. */
  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** How many events belong to the log as of a moment: a binary search. */
  countAt(moment: Moment): number {
    const [column, limit] =
      moment.kind === 'time'
        ? [this.#atMs, Date.parse(moment.at)]
        : [this.#positions, Number(moment.position)];
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((column[middle] ?? 0) <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where event `n` stands; undefined when there is none. */
  placeOf(n: number): Place | undefined {
    const position = this.#positions[n];
    const atMs = this.#atMs[n];
    if (n >= this.length || position === undefined || atMs === undefined) return undefined;
    return { position: position as Position, at: toInstant(atMs) }; // add() took it from an event
  }

  /** Where the last event as of a moment stands; undefined when there is none. */
  lastPlace(moment: Moment): Place | undefined {
    const count = this.countAt(moment);
    return count === 0 ? undefined : this.placeOf(count - 1);
  }

  #grow(): void {
    const capacity = this.kinds.length * 2;
    this.kinds = copied(this.kinds, new Uint8Array(capacity));
    this.subjects = copied(this.subjects, new Uint32Array(capacity));
    this.details = copied(this.details, new Float64Array(capacity));
    this.#positions = copied(this.#positions, new Float64Array(capacity));
    this.#atMs = copied(this.#atMs, new Float64Array(capacity));
  }
}

function copied<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
