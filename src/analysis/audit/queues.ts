import { roundFor, timeOfRound } from '../../domain/beacon.js';
import { type Draw, drawnPlaces, JoinedDigest, seedMatches } from '../../domain/shuffle.js';
import type { SalesRules } from '../../events/catalog-events.js';
import { addMs, type Instant, type PerformanceId, type TokenId } from '../../events/ids.js';
import { isSignatureOfRound } from '../../platform/drand.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import type { Turns } from './turns.js';

/** Tracks every queue: numbers, the opening, admissions in order, and never more active fans than allowed. */
export class Queues implements CheckGroup {
  readonly #lines = new Map<PerformanceId, QueueLine>();
  /** Once a queue was drawn by more than its seed, no later one may be drawn by the seed alone. */
  #isMixing = false;

  constructor(
    private readonly findings: Findings,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    PerformancePublished: ({ data, at, ref }) => {
      const line = this.#line(data.performanceId);
      line.revise(data.sales, at);
      line.seedHash = data.seedHash;
      const named = data.beacon?.round;
      this.findings.expect(
        'queue-draw',
        line.isOpen || line.issued === 0 || named !== undefined || line.rounds.length === 0,
        () => `the round of the beacon is dropped after ${line.issued} numbers were given`,
        ref,
      );
      // The one before may still have been in use for a moment.
      line.rounds = named === undefined ? [] : [named, ...line.rounds.slice(0, 1)];
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
    DrawClosed: (fact) => this.#close(fact),
    QueueOpened: (fact) => this.#open(fact),
    TokensAdmitted: (fact) => this.#admit(fact),
    TokenEntered: (fact) => this.#enter(fact),
    TokenCompleted: ({ data }) => this.#line(data.performanceId).leave(data.tokenId),
    TokenLeft: ({ data }) => this.#line(data.performanceId).leave(data.tokenId),
    TokenExpired: (fact) => this.#expire(fact),
  };

  #close({ data, at, ref }: Fact<'DrawClosed'>): void {
    const { performanceId, shuffledCount, tokensDigest } = data;
    const { round } = data.beacon;
    const line = this.#line(performanceId);
    // A round that is known already is replaced by the next one that nobody knows.
    const allowed = line.rounds.map((named) => (at < timeOfRound(named) ? named : roundFor(at)));
    const isTime = line.rulesAt(at).some(({ opensAt }) => opensAt === null || opensAt <= at);
    this.findings.expect(
      'queue-draw',
      !line.isOpen &&
        line.closed === undefined &&
        isTime &&
        allowed.includes(round) &&
        shuffledCount <= line.issued &&
        tokensDigest === line.digestOf(shuffledCount),
      () =>
        `the draw of ${shuffledCount} of ${line.issued} numbers with digest ${tokensDigest} (by the log ${line.digestOf(shuffledCount)}) ` +
        `is closed at ${at} for round ${round} of ${timeOfRound(round)}; named were ${line.rounds.join(', ') || 'none'}`,
      ref,
    );
    line.closed ??= { shuffledCount, tokensDigest, round };
  }

  /** The seed's hash apart: whether the places were drawn by what had to decide them. */
  #checkDraw({ data, at, ref }: Fact<'QueueOpened'>, line: QueueLine): void {
    const { shuffledCount, tokensDigest, beacon } = data;
    const { closed } = line;
    const problem = (): string | undefined => {
      if (tokensDigest === undefined)
        return this.#isMixing ? 'by the seed alone, after others were not' : undefined;
      if (shuffledCount <= line.issued && tokensDigest !== line.digestOf(shuffledCount))
        return `by digest ${tokensDigest}; by the log it is ${line.digestOf(shuffledCount)}`;
      if (!beacon) return closed || line.rounds.length > 0 ? 'without the round that was named' : undefined;
      if (closed?.round !== beacon.round)
        return `by round ${beacon.round}, closed for ${closed?.round ?? 'none'}`;
      if (closed.shuffledCount !== shuffledCount || closed.tokensDigest !== tokensDigest)
        return 'of other numbers than when the draw was closed';
      if (at < timeOfRound(beacon.round)) return `before round ${beacon.round} was known`;
      return isSignatureOfRound(beacon.round, beacon.signature)
        ? undefined
        : `by a signature that is not that of round ${beacon.round}`;
    };
    const found = line.isOpen ? undefined : problem();
    this.findings.expect('queue-draw', found === undefined, () => `places are drawn ${found}`, ref);
    this.#isMixing ||= tokensDigest !== undefined;
  }

  #open(fact: Fact<'QueueOpened'>): void {
    const { data, at, ref } = fact;
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
    this.#checkDraw(fact, line);
    line.open(data);
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
  /** The rounds of the beacon that are named: the latest first, and the one before. */
  rounds: readonly number[] = [];
  /** What the draw was closed with. */
  closed:
    | { readonly shuffledCount: number; readonly tokensDigest: string; readonly round: number }
    | undefined;
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

  /** The digest of the tokens of the numbers below `count`. */
  digestOf(count: number): string {
    const digest = new JoinedDigest();
    // In the order of their numbers.
    for (const [tokenId, number] of this.#numbers) if (number < count) digest.add(number, tokenId);
    return digest.value;
  }

  open(draw: Draw): void {
    const places = drawnPlaces(draw);
    const numbers = new Uint32Array(draw.shuffledCount);
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
