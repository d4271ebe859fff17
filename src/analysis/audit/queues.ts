import { seedMatches } from '../../domain/shuffle.js';
import { addMs, type PerformanceId } from '../../events/ids.js';
import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import { QueueLine } from './queue-line.js';
import type { Turns } from './turns.js';

/** Follows every queue: numbers as given, opened fairly, admitted in order, never more inside than allowed. */
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
      () => `${line.active} fans are inside after ${entered} came in, allowed are ${allowed}`,
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
