import { seedMatches, shuffledPlaces } from '../../domain/shuffle.js';
import type { SalesRules } from '../../events/catalog-events.js';
import { addMs, type Instant, type PerformanceId, type TokenId } from '../../events/ids.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import type { Turns } from './turns.js';

/** Tracks every queue: numbers, the opening, admissions in order, and never more active fans than allowed. */
export class Queues implements CheckGroup {
  readonly #lines = new Map<PerformanceId, QueueLine>();

  constructor(
    private readonly findings: Findings,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data, at }) => {
      const line = this.#line(data.performanceId);
      line.revise(data.sales, at);
      line.seedHash = data.seedHash;
    },
    TokenIssued: ({ data, ref }) => {
      const turn = this.turns.get(data.tokenId);
      this.findings.expect(
        'queue-number',
        turn?.userId === data.userId && turn.performanceId === data.performanceId,
        () => `number ${ref.revision} is given to turn ${data.tokenId}, which was not requested so`,
        ref,
      );
      this.#line(data.performanceId).issue(data.tokenId, ref.revision);
    },
    QueueOpened: (fact) => this.#open(fact),
    TokensAdmitted: (fact) => this.#admit(fact),
    TokenEntered: (fact) => this.#enter(fact),
    TokenCompleted: ({ data }) => this.#line(data.performanceId).leave(data.tokenId),
    TokenLeft: ({ data }) => this.#line(data.performanceId).leave(data.tokenId),
    TokenExpired: (fact) => this.#expire(fact),
  };

  #open({ data, at, ref }: Fact<'QueueOpened'>): void {
    const { performanceId, seed, shuffledCount } = data;
    const line = this.#line(performanceId);
    const opensAt = line.rulesAt(at).map((rules) => rules.opensAt);
    const isTime = opensAt.some((moment) => moment === null || moment <= at);
    const isPublishedSeed = line.seedHash !== undefined && seedMatches(seed, line.seedHash);
    this.findings.expect(
      'queue-opening',
      !line.isOpen && isTime && isPublishedSeed && shuffledCount <= line.issued,
      () =>
        `the queue opens at ${at} (${line.isOpen ? 'again' : 'once'}; due ${opensAt.join(' or ')}), ${
          isPublishedSeed ? 'its seed is the published one' : 'its seed is not the published one'
        }, ${shuffledCount} of ${line.issued} numbers are shuffled`,
      ref,
    );
    line.open(seed, shuffledCount);
  }

  #admit({ data, at, ref }: Fact<'TokensAdmitted'>): void {
    const { performanceId, from, to, admittedAt, expiresAt } = data;
    const line = this.#line(performanceId);
    const { admittedUpTo, issued } = line;
    const isInOrder = line.isOpen && from === admittedUpTo && from < to && to <= issued;
    this.findings.expect(
      'admission-order',
      isInOrder && admittedAt <= at,
      () =>
        `places ${from} to ${to} are admitted at ${admittedAt}; ${admittedUpTo} were before, ${issued} are given`,
      ref,
    );
    const entered = line.admit(
      { from, to, admittedAt, expiresAt, ref },
      (tokenId) => this.turns.get(tokenId)?.status === 'waiting',
    );
    const allowed = Math.max(0, ...line.rulesAt(at).map((rules) => rules.maxActive));
    if (line.active > allowed) line.dropLapsed(at);
    this.findings.expect(
      'active-limit',
      entered === 0 || line.active <= allowed,
      () => `${line.active} fans are active after ${entered} were admitted, allowed are ${allowed}`,
      ref,
    );
  }

  #enter({ data, at, ref }: Fact<'TokenEntered'>): void {
    const { tokenId, performanceId, place, admittedAt, expiresAt } = data;
    const line = this.#line(performanceId);
    const ownPlace = line.placeOf(tokenId);
    const range = line.rangeOf(place);
    this.findings.expect(
      'entry-admitted',
      ownPlace === place && range?.admittedAt === admittedAt,
      () =>
        `turn ${tokenId} enters at place ${place}, its own is ${ownPlace}, admitted ${range?.admittedAt ?? 'never'}`,
      ref,
      ...(range ? [range.ref] : []),
    );
    if (range) {
      this.findings.expect(
        'entry-in-time',
        at < addMs(range.expiresAt, this.options.clockToleranceMs),
        () => `turn ${tokenId} enters at ${at}, it had to by ${range.expiresAt}`,
        ref,
        range.ref,
      );
    }
    line.enter(tokenId, expiresAt);
  }

  #expire({ data, at, ref }: Fact<'TokenExpired'>): void {
    const line = this.#line(data.performanceId);
    line.leave(data.tokenId);
    if (data.reason !== 'claim-lapsed') return;
    const place = line.placeOf(data.tokenId);
    const range = place === undefined ? undefined : line.rangeOf(place);
    this.findings.expect(
      'turn-not-early',
      range !== undefined && at >= range.expiresAt,
      () =>
        `turn ${data.tokenId} lapses at ${at}, it could be claimed until ${range?.expiresAt ?? 'its admission'}`,
      ref,
      ...(range ? [range.ref] : []),
    );
  }

  #line(performanceId: PerformanceId): QueueLine {
    let line = this.#lines.get(performanceId);
    if (!line) {
      line = new QueueLine();
      this.#lines.set(performanceId, line);
    }
    return line;
  }
}

/** An admission of a contiguous range of places, `from` inclusive to `to` exclusive. */
interface AdmittedPlaces {
  readonly from: number;
  readonly to: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
  readonly ref: EventRef;
}

/** How long a command may use a cached copy of rules that were replaced. */
const rulesCopyMaxAgeMs = 60_000;

/** One performance's queue, as the log records it. */
class QueueLine {
  /** Queue numbers given: the events of the queue's stream. */
  issued = 0;
  /** Places below this one were admitted. */
  admittedUpTo = 0;
  seedHash: string | undefined;
  #rules: { readonly now: SalesRules; readonly before: SalesRules; readonly revisedAt: Instant } | undefined;
  /** The shuffle of fans who joined before the opening: place by number, and number by place. */
  #opening: { readonly places: Uint32Array; readonly numbers: Uint32Array } | undefined;
  readonly #ranges: AdmittedPlaces[] = [];
  /** By number, until admitted. */
  readonly #waiting = new Map<number, TokenId>();
  readonly #numbers = new Map<TokenId, number>();
  /** Deadlines of active fans: first to enter, then to finish. */
  readonly #inside = new Map<TokenId, Instant>();

  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** Active fans; some may have lapsed, see {@link dropLapsed}. */
  get active(): number {
    return this.#inside.size;
  }

  revise(rules: SalesRules, at: Instant): void {
    this.#rules = { now: rules, before: this.#rules?.now ?? rules, revisedAt: at };
  }

  /** The rules a decision at `at` may have used: the latest, and those they replaced a moment ago. */
  rulesAt(at: Instant): readonly SalesRules[] {
    if (!this.#rules) return [];
    const { now, before, revisedAt } = this.#rules;
    return at < addMs(revisedAt, rulesCopyMaxAgeMs) ? [now, before] : [now];
  }

  /** Records a token's number. A second number of the same token is ignored. */
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

  /** Admits a range. @param isWaiting whether a token still waits. @returns how many fans were admitted. */
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

  /** The admission of a place (binary search: ranges are in order of places). */
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

  /** A fan entered: the turn lasts until `expiresAt`. */
  enter(tokenId: TokenId, expiresAt: Instant): void {
    this.#inside.set(tokenId, expiresAt);
  }

  /** A turn ended. */
  leave(tokenId: TokenId): void {
    this.#inside.delete(tokenId);
  }

  /** Removes active fans whose deadline had passed at `now`. */
  dropLapsed(now: Instant): void {
    for (const [tokenId, deadline] of this.#inside) if (deadline <= now) this.#inside.delete(tokenId);
  }
}
