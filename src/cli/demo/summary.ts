import type { Terminal } from '../terminal.js';
import type { AuditVerdict, ReservationsVerdict } from './play.js';

/** The outcome, ready to print. */
export interface DemoSummary {
  /** Nothing sold twice, nothing unexpected, and no findings if the audit was run. */
  readonly clean: boolean;
  readonly isInterrupted: boolean;
  readonly server: string;
  readonly performance: string;
  readonly fans: number;
  readonly seed: number;
  readonly seconds: number;
  readonly requests: number;
  readonly endings: Readonly<Record<string, number>>;
  readonly seatsSold: number;
  readonly seatsGivenBack: number;
  readonly conflictsRefused: number;
  readonly holdsLapsed: number;
  readonly holdsReleased: number;
  readonly waitMs: { readonly p50: number | null; readonly p95: number | null };
  readonly points: { readonly charged: number; readonly spent: number; readonly refunded: number };
  readonly refusalsByCode: Readonly<Record<string, number>>;
  readonly surprises: readonly string[];
  /** Null when interrupted. */
  readonly reservations: ReservationsVerdict | null;
  readonly audit: AuditVerdict;
}

type Facts = Pick<
  DemoSummary,
  'isInterrupted' | 'server' | 'performance' | 'fans' | 'seed' | 'seconds' | 'reservations' | 'audit'
>;

export function summarise(tally: Tally, facts: Facts): DemoSummary {
  const isSoldOnce = facts.reservations !== null && facts.reservations.soldTwice.length === 0;
  return {
    clean:
      !facts.isInterrupted && isSoldOnce && tally.surprises.length === 0 && facts.audit.kind !== 'findings',
    ...facts,
    requests: tally.requests,
    endings: Object.fromEntries(tally.endings),
    seatsSold: tally.seatsSold,
    seatsGivenBack: tally.seatsGivenBack,
    conflictsRefused: tally.conflicts,
    holdsLapsed: tally.holdsLapsed,
    holdsReleased: tally.holdsReleased,
    waitMs: { p50: percentile(tally.waitsMs, 0.5) ?? null, p95: percentile(tally.waitsMs, 0.95) ?? null },
    points: { charged: tally.pointsCharged, spent: tally.pointsSpent, refunded: tally.pointsRefunded },
    refusalsByCode: Object.fromEntries(tally.refusals),
    surprises: tally.surprises,
  };
}

/** The summary for people to read. */
export function describeSummary(summary: DemoSummary): string {
  const { points, waitMs } = summary;
  const lines = [
    '',
    `${summary.performance}: ${summary.fans} fans, seed ${summary.seed}, ${summary.seconds.toFixed(1)} s, ${summary.requests} requests${summary.isInterrupted ? ' (interrupted)' : ''}`,
    '',
    row('fans', listOf(summary.endings)),
    row('seats', `${summary.seatsSold} sold, ${summary.seatsGivenBack} of them given back`),
    row('races lost', `${summary.conflictsRefused} holds refused because another fan was faster`),
    row('holds', `${summary.holdsLapsed} lapsed at their deadline, ${summary.holdsReleased} released`),
    row('waiting', `half of the fans up to ${seconds(waitMs.p50)}, 95 % up to ${seconds(waitMs.p95)}`),
    row('points', `${points.charged} charged, ${points.spent} spent, ${points.refunded} refunded`),
    row('refusals', listOf(summary.refusalsByCode)),
    '',
    ...reservationLines(summary),
    ...auditLines(summary.audit),
    ...summary.surprises.map((surprise) => `UNEXPECTED  ${surprise}`),
    '',
  ];
  return lines.join('\n');
}

function reservationLines({ reservations }: DemoSummary): string[] {
  if (!reservations) return ['The fans’ reservations were not compared.'];
  const { confirmed, soldTwice } = reservations;
  if (soldTwice.length === 0)
    return [`Of ${confirmed} confirmed reservations no two have the same seat and date.`];
  return soldTwice.map((seat) => `SOLD TWICE  ${seat}`);
}

function auditLines(audit: AuditVerdict): string[] {
  switch (audit.kind) {
    case 'clean':
      return [
        `The audit read ${audit.events} events, checked ${audit.facts} facts and found nothing: no seat was sold twice.`,
      ];
    case 'findings':
      return [`THE AUDIT FOUND ${audit.count}:`, ...audit.first.map((finding) => `  ${finding}`)];
    case 'not asked':
      return [`The audit was not run (${audit.why}).`];
  }
}

function row(title: string, text: string): string {
  return `  ${title.padEnd(12)}${text}`;
}

function seconds(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1000).toFixed(1)} s`;
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return entries.map(([name, count]) => `${count} ${name}`).join(', ') || 'none';
}

/** Stages of a fan's visit, in the order of the display. */
const stages = ['registering', 'ready', 'waiting', 'choosing', 'holding', 'paying', 'done'] as const;
export type Stage = (typeof stages)[number];

/** How a fan's visit ended. */
export type Ending =
  | 'bought'
  | 'cancelled the order'
  | 'found nothing left'
  | 'let the hold lapse'
  | 'left the queue'
  | 'lost the turn'
  | 'failed';

/** Refusals that are normal in an on-sale; any other code means that something is wrong. */
const expectedCodes: ReadonlySet<string> = new Set([
  'seat-held',
  'seat-reserved',
  'seat-taken',
  'no-seats-available',
  'hold-lapsed',
  'hold-ended',
  'payment-declined',
  'insufficient-points',
  'queue-full',
  'seat-limit-reached',
  'token-ended',
  'too-many-requests',
  'busy',
  'unavailable',
  'read-model-behind',
  'idempotency-key-in-flight',
]);

/** Everything the demo counts while it runs. */
export class Tally {
  readonly stages = new Map<Stage, number>();
  readonly endings = new Map<Ending, number>();
  /** HTTP refusals by problem code. */
  readonly refusals = new Map<string, number>();
  /** Milliseconds from joining the queue to admission, for each fan. */
  readonly waitsMs: number[] = [];
  readonly surprises: string[] = [];
  requests = 0;
  seatsSold = 0;
  seatsGivenBack = 0;
  holdsLapsed = 0;
  holdsReleased = 0;
  pointsCharged = 0;
  pointsSpent = 0;
  pointsRefunded = 0;

  move(from: Stage | undefined, to: Stage): void {
    if (from !== undefined) this.stages.set(from, (this.stages.get(from) ?? 0) - 1);
    this.stages.set(to, (this.stages.get(to) ?? 0) + 1);
  }

  end(ending: Ending): void {
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
  }

  /** Counts a temporary refusal: the request is repeated. */
  countRefusal(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  refuse(code: string, where: string, detail: string): void {
    this.countRefusal(code);
    if (!expectedCodes.has(code)) this.surprise(`${where} was refused: ${code}: ${detail}`);
  }

  /** Records something that must not happen, so that the demo is not clean. Keeps the first twenty. */
  surprise(what: string): void {
    if (this.surprises.length < 20) this.surprises.push(what);
  }

  /** Refusals because another fan was faster. */
  get conflicts(): number {
    return ['seat-held', 'seat-reserved', 'seat-taken'].reduce(
      (sum, code) => sum + (this.refusals.get(code) ?? 0),
      0,
    );
  }
}

/** The nearest-rank percentile; undefined without values. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

const interactiveMs = 250;
const plainMs = 1_000;

/** Shows the progress: redrawn in place on a terminal, one line per second otherwise. */
export class Progress {
  #timer: NodeJS.Timeout | undefined;
  #lines = 0;
  #lastRequests = 0;
  #lastAtMs = Date.now();
  #rate = 0;
  readonly #startedAtMs = Date.now();

  constructor(
    private readonly terminal: Terminal,
    private readonly tally: Tally,
    private readonly fans: number,
  ) {}

  start(): void {
    const intervalMs = this.terminal.isInteractive ? interactiveMs : plainMs;
    this.#timer = setInterval(() => this.#draw(), intervalMs);
  }

  /** Draws once more and stops. */
  stop(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  /** Prints a line that stays above the redrawn ones. */
  note(text: string): void {
    this.#erase();
    this.terminal.err(`${text}\n`);
  }

  #draw(): void {
    this.#measure();
    if (!this.terminal.isInteractive) {
      this.terminal.err(`${this.#seconds()} s: ${this.#counts()}; ${this.#sales()}\n`);
      return;
    }
    this.#erase();
    const done = this.tally.stages.get('done') ?? 0;
    const width = 40;
    const filled = Math.round((width * done) / Math.max(1, this.fans));
    const lines = [
      `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done} of ${this.fans} fans, ${this.#seconds()} s`,
      this.#counts(),
      `${this.#sales()}, ${this.#rate} requests/s`,
    ];
    this.terminal.err(lines.map((line) => `${line}\n`).join(''));
    this.#lines = lines.length;
  }

  /** Updates the rate of requests. */
  #measure(): void {
    const nowMs = Date.now();
    const elapsedMs = nowMs - this.#lastAtMs;
    if (elapsedMs < plainMs) return;
    this.#rate = Math.round(((this.tally.requests - this.#lastRequests) * 1000) / elapsedMs);
    this.#lastRequests = this.tally.requests;
    this.#lastAtMs = nowMs;
  }

  /** ANSI: up to the first of our lines, then clear to the end of the screen. */
  #erase(): void {
    if (this.#lines > 0) this.terminal.err(`\u001b[${this.#lines}A\u001b[J`);
    this.#lines = 0;
  }

  #counts(): string {
    return stages.map((stage) => `${this.tally.stages.get(stage) ?? 0} ${stage}`).join(', ');
  }

  #sales(): string {
    return `${this.tally.seatsSold} seats sold, ${this.tally.conflicts} conflicts refused`;
  }

  #seconds(): string {
    return ((Date.now() - this.#startedAtMs) / 1000).toFixed(this.terminal.isInteractive ? 1 : 0);
  }
}
