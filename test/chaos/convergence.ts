import { setTimeout as delay } from 'node:timers/promises';
import type { SmallHall } from '../e2e/small-hall.js';
import { auditOf } from './audit.js';
import type { ChaosOffice } from './chaos-office.js';
import { checkLedger, unknownUsers } from './check-ledger.js';
import { checkReadModels, hallAgrees } from './check-read-models.js';
import type { Ledger } from './ledger.js';
import type { LedgerFan } from './ledger-fan.js';
import { LogReader } from './log-reader.js';

const lookEveryMs = 250;
/** How many times as long as it should take the harness waits for convergence before it gives up. */
const patience = 2;

export interface Convergence {
  /** After the end of the fault; undefined: not at all. */
  readonly convergedMs: number | undefined;
  readonly findings: readonly string[];
}

/** Waits until everything has ended and the tables show it, then compares everything with everything. */
export async function convergeAndCheck(
  office: ChaosOffice,
  cycle: {
    readonly hall: SmallHall;
    readonly fans: readonly LedgerFan[];
    readonly ledger: Ledger;
    /** By performance.now(). */
    readonly faultEndedMs: number;
    /** The promise: so long after a fault nothing is left of it. */
    readonly convergenceMs: number;
  },
): Promise<Convergence> {
  const { hall, fans, ledger, faultEndedMs, convergenceMs } = cycle;
  const patienceMs = patience * convergenceMs;
  const log = new LogReader(await office.openLog());
  try {
    const convergedMs = await converge(office, hall, log, { faultEndedMs, patienceMs });
    if (convergedMs === undefined) {
      const open = [...log.facts.unfinished(), 'or the tables do not show it'].slice(0, 20).join('; ');
      return { convergedMs, findings: [`not settled after ${patienceMs / 1000} s: ${open}`] };
    }
    const findings = convergedMs > convergenceMs ? [`settled after ${Math.round(convergedMs)} ms only`] : [];
    findings.push(
      ...checkLedger(ledger, log.facts),
      ...(await checkReadModels(office, hall, fans, log.facts)),
      ...(await auditOf(office)),
      ...(await checkPayments(office, ledger, log)),
    );
    return { convergedMs, findings };
  } finally {
    await log.close();
  }
}

/** @returns how long after the fault everything was settled; undefined: not while we waited. */
async function converge(
  office: ChaosOffice,
  hall: SmallHall,
  log: LogReader,
  { faultEndedMs, patienceMs }: { readonly faultEndedMs: number; readonly patienceMs: number },
): Promise<number | undefined> {
  for (;;) {
    await log.catchUp();
    const isSettled = log.facts.unfinished().length === 0 && (await hallAgrees(office, hall, log.facts));
    const sinceMs = performance.now() - faultEndedMs;
    if (isSettled) return sinceMs;
    if (sinceMs > patienceMs) return undefined;
    await delay(lookEveryMs);
  }
}

/** The payment system's own ledger. */
async function checkPayments(office: ChaosOffice, ledger: Ledger, log: LogReader): Promise<string[]> {
  const bought = await office.pointsBought();
  const credited = sum([...log.facts.charges.values()].flatMap((charge) => charge.credited));
  const told = sum(ledger.of('charged').map(({ amount }) => amount));
  const findings = [];
  if (bought !== credited) findings.push(`${bought} points were paid for, the log credited ${credited}`);
  if (unknownUsers(ledger).hasAny || bought === told) return findings;
  return [...findings, `${bought} points were paid for, fans were told of ${told}`];
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
