import { type CampaignReport, seedsThatSeeAll } from '../simulator/campaign.js';
import { faults } from '../simulator/faults.js';
import { type FailingRun, reproduction } from '../simulator/shrink.js';
import { textTable } from './text-table.js';

/** A campaign's report for people to read. */
export function describeCampaign(report: CampaignReport, tookSeconds: number): string {
  const { seeds, repeated, events, virtualMs, failures, neverSeen } = report;
  const strikes = [...report.faults].map(([kind, count]) => [String(count), kind, faults[kind]]);
  const seen = [...report.branches].sort(([a], [b]) => (a < b ? -1 : 1));
  const rate = (seeds / Math.max(0.001, tookSeconds)).toFixed(1);
  const lines = [
    '',
    `${seeds} seeds in ${tookSeconds.toFixed(1)} s (${rate} a second); ${events} events in ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time`,
    `${repeated} seeds were run twice and compared`,
    `never seen${seeds < seedsThatSeeAll ? ' (in so few seeds)' : ''}: ${neverSeen.join(', ') || 'nothing is missing'}`,
    failures.length === 0 ? 'Nothing is wrong.' : `${failures.length} seeds FAILED.`,
    '',
  ];
  const tables = [
    textTable(['STRUCK', 'FAULT', 'WHAT IT IS'], strikes),
    textTable(
      ['HAPPENED', 'WHAT'],
      seen.map(([branch, count]) => [String(count), branch]),
    ),
  ];
  return `${tables.join('\n')}${lines.join('\n')}`;
}

/** A failing run: what is wrong, and how to see it again. */
export function describeFailure({ options, outcome }: FailingRun): string {
  const lines = outcome.findings
    .slice(0, 5)
    .map(({ code, message, step, at }) => `  ${code} (step ${step}, ${at}): ${message}`);
  return `seed ${options.seed}:\n${lines.join('\n')}\n  ${reproduction(options)}\n`;
}

/** The same as JSON. */
export function toJson(report: CampaignReport, tookSeconds: number): string {
  const failures = report.failures.map(({ options, outcome }) => ({
    seed: options.seed,
    reproduce: reproduction(options),
    findings: outcome.findings,
  }));
  const { faults: strikes, branches, ...rest } = report;
  const json = {
    ...rest,
    seconds: tookSeconds,
    faults: Object.fromEntries(strikes),
    branches: Object.fromEntries(branches),
    failures,
  };
  return JSON.stringify(json, null, 2);
}
