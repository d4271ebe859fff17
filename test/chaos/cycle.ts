import { setTimeout as delay } from 'node:timers/promises';
import { openSmallHall } from '../e2e/small-hall.js';
import type { ChaosOffice } from './chaos-office.js';
import { convergeAndCheck } from './convergence.js';
import type { Fault, FaultSettings } from './faults.js';
import type { Ledger } from './ledger.js';
import { Load } from './load.js';
import { Random } from './random.js';

/** How many times as long as the office may take to converge a fan repeats a request without an answer. */
const fanPatience = 2.5;
/** Time under load after a fault. */
const afterMs = 1_500;
/** Short, so that forgotten holds end within the cycle. */
const holdTtlMs = 6_000;
/** So few that fans want the same. */
const hallSize = { rows: 4, seatsPerRow: 12 };

export interface CycleSettings extends FaultSettings {
  readonly seed: number;
  readonly fans: number;
  /** How long after a fault something may be left of it. */
  readonly convergenceMs: number;
}

/** What became of one cycle. */
export interface CycleResult {
  readonly cycle: number;
  readonly mode: ChaosOffice['mode'];
  readonly fault: string;
  readonly detail: string;
  readonly requests: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** Milliseconds from the end of the fault until nothing was left of it; null: never. */
  readonly convergedMs: number | null;
  readonly findings: readonly string[];
}

/** Load, a fault in the middle of it, and the comparison of everything afterwards. */
export async function runCycle<Office extends ChaosOffice>(
  cycle: number,
  office: Office,
  fault: Fault<Office>,
  ledger: Ledger,
  settings: CycleSettings,
): Promise<CycleResult> {
  const random = new Random(settings.seed, cycle);
  const before = { requests: ledger.requests, lines: ledger.lines.length };
  const hall = await openSmallHall(office, {
    id: `hall ${cycle}`,
    ...hallSize,
    sales: {
      holdTtlMs,
      serviceWindowMs: 600_000,
      claimWindowMs: 600_000,
      seatLimitPerUser: 4,
      // Fans hold and give back for as long as they are inside; their seats come back within seconds, as in an office.
      maxLapsedHolds: 50,
      maxReleasedHolds: 50,
      seatCoolDownMs: 0,
      idleWindowMs: 600_000,
    },
  });
  const clockShiftMs = fault.name.startsWith('clock') ? settings.clockShiftMs : 0;
  const load = new Load(office, ledger, hall, {
    fans: settings.fans,
    seed: random.between(1, 1_000_000_000),
    clockShiftMs,
    patienceMs: fanPatience * settings.convergenceMs,
    sharesReplies: !fault.name.includes('redis'),
  });
  await delay(random.between(1_000, 2_500));
  const faultBeganAtMs = Date.now();
  const { detail, broken } = await injected(() => fault.inject(office, settings, random));
  const faultEndedMs = performance.now();
  if (clockShiftMs > 0) {
    ledger.clockFaults.push({ fromMs: faultBeganAtMs, toMs: Date.now(), shiftMs: clockShiftMs });
  }
  if (broken === undefined) await delay(afterMs);
  await load.stop();
  const outcome =
    broken === undefined
      ? await convergeAndCheck(office, {
          hall,
          fans: load.fans,
          ledger,
          faultEndedMs,
          convergenceMs: settings.convergenceMs,
        })
      : { convergedMs: undefined, findings: [broken] };
  const lines = ledger.lines.slice(before.lines);
  return {
    cycle,
    mode: office.mode,
    fault: fault.name,
    detail,
    requests: ledger.requests - before.requests,
    acknowledged: lines.filter(({ kind }) => kind !== 'unknown').length,
    unknown: lines.filter(({ kind }) => kind === 'unknown').length,
    convergedMs: outcome.convergedMs === undefined ? null : Math.round(outcome.convergedMs),
    findings: outcome.findings,
  };
}

/** An office that does not come back after a fault is a finding too. */
async function injected(inject: () => Promise<string>): Promise<{ detail: string; broken?: string }> {
  try {
    return { detail: await inject() };
  } catch (error) {
    return { detail: '', broken: `it did not come back: ${String(error)}` };
  }
}
