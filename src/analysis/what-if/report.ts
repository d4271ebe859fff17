import { termsOf } from '../../domain/token.js';
import type { PerformanceId } from '../../events/ids.js';
import type { Demand } from './demand.js';
import type { SaleSettings } from './line.js';
import type { Outcome } from './outcome.js';
import { simulate } from './simulation.js';

/** A recorded on-sale, compared with two simulations of it. */
export interface ReplayReport {
  readonly performanceId: PerformanceId;
  readonly seed: number;
  readonly recordedSettings: SaleSettings;
  readonly settings: SaleSettings;
  /** The recording. */
  readonly recorded: Outcome;
  /** The simulation with the recorded settings: its distance from `recorded` is the error of the model. */
  readonly baseline: Outcome;
  /** The simulation with the other settings: compare it with `baseline`. */
  readonly whatIf: Outcome;
  /** Limits of the model that apply to this recording. */
  readonly notes: readonly string[];
}

interface ReplayOptions {
  readonly seed: number;
  /** Settings to change; the others are as recorded. */
  readonly changes: Partial<SaleSettings>;
  readonly onProgress?: (run: 'baseline' | 'whatIf', joined: number) => void;
}

/** Simulates a demand twice: with the recorded settings, and with others. */
export function replay(demand: Demand, { seed, changes, onProgress }: ReplayOptions): ReplayReport {
  const { holdTtlMs, maxActive, admitPerSecond, claimWindowMs, serviceWindowMs } = demand.rules;
  const recordedSettings = {
    holdTtlMs,
    maxActive,
    admitPerSecond,
    claimWindowMs,
    serviceWindowMs,
    ...termsOf(demand.rules),
  };
  const settings = { ...recordedSettings, ...changes };
  const run = (name: 'baseline' | 'whatIf', rules: SaleSettings) =>
    simulate(demand, rules, { seed, onProgress: (joined) => onProgress?.(name, joined) });
  return {
    performanceId: demand.performanceId,
    seed,
    recordedSettings,
    settings,
    recorded: demand.recorded,
    baseline: run('baseline', recordedSettings),
    whatIf: run('whatIf', settings),
    notes: notesOn(demand),
  };
}

function notesOn({ isCutOff, laterRevisions, recorded, fans }: Demand): string[] {
  const notes: string[] = [];
  if (isCutOff) {
    notes.push(
      'The recording ends while fans were still queueing or holding seats: every column stops at that moment.',
    );
  }
  if (laterRevisions > 0) {
    notes.push(
      `The rules were changed ${laterRevisions} times after the opening; the recorded settings are those at the opening.`,
    );
  }
  const unseen = fans.filter(({ turn }) => turn === undefined).length;
  if (unseen > 0) {
    notes.push(
      `${unseen} of ${recorded.fans} fans were never admitted: each gets the behaviour of an admitted fan, drawn by the seed.`,
    );
  }
  return notes;
}
