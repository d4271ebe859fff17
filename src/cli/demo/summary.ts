import { percentile, type Tally } from './tally.js';
import type { AuditVerdict, ReservationsVerdict } from './verdict.js';

/** What happened, ready to print. */
export interface DemoSummary {
  /** Nothing sold twice, nothing unexpected, and no findings if the audit could be asked. */
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
    row('races lost', `${summary.conflictsRefused} holds refused because somebody else was faster`),
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
    return [`Of ${confirmed} confirmed reservations no two name the same seat and date.`];
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
      return [`The audit was not asked (${audit.why}).`];
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
