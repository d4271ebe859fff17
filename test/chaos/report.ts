import { textTable } from '../../src/cli/terminal.js';
import type { CycleResult } from './cycle.js';

/** A row for every cycle. */
export function cycleTable(results: readonly CycleResult[]): string {
  const headings = [
    'cycle',
    'mode',
    'fault',
    'requests',
    'acknowledged',
    'unknown',
    'converged ms',
    'findings',
  ];
  return textTable(
    headings,
    results.map((result) => [
      String(result.cycle),
      result.mode,
      result.detail === '' ? result.fault : `${result.fault} (${result.detail})`,
      String(result.requests),
      String(result.acknowledged),
      String(result.unknown),
      String(result.convergedMs ?? 'never'),
      String(result.findings.length),
    ]),
  );
}

export interface FaultSummary {
  readonly mode: CycleResult['mode'];
  readonly fault: string;
  readonly cycles: number;
  readonly requests: number;
  readonly unknown: number;
  readonly medianConvergedMs: number | null;
  readonly maxConvergedMs: number | null;
  readonly findings: number;
}

/** By mode and fault. */
export function summarise(results: readonly CycleResult[]): FaultSummary[] {
  const groups = new Map<string, CycleResult[]>();
  for (const result of results) {
    const name = `${result.mode} ${result.fault}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const times = group.flatMap(({ convergedMs }) => convergedMs ?? []).sort((a, b) => a - b);
    const sum = (pick: (result: CycleResult) => number) =>
      group.reduce((total, result) => total + pick(result), 0);
    return {
      mode: first.mode,
      fault: first.fault,
      cycles: group.length,
      requests: sum(({ requests }) => requests),
      unknown: sum(({ unknown }) => unknown),
      medianConvergedMs: times[Math.floor(times.length / 2)] ?? null,
      maxConvergedMs: times.at(-1) ?? null,
      findings: sum(({ findings }) => findings.length),
    };
  });
}

/** A row for every mode and fault. */
export function summaryTable(results: readonly CycleResult[]): string {
  const headings = ['mode', 'fault', 'cycles', 'requests', 'unknown', 'median ms', 'longest ms', 'findings'];
  return textTable(
    headings,
    summarise(results).map((row) => [
      row.mode,
      row.fault,
      String(row.cycles),
      String(row.requests),
      String(row.unknown),
      String(row.medianConvergedMs ?? '-'),
      String(row.maxConvergedMs ?? '-'),
      String(row.findings),
    ]),
  );
}
