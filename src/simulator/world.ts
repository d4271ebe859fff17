import { type Instant, toInstant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import { type FaultKind, Faults } from './faults.js';
import { hashText, Random } from './random.js';
import { type Life, Scheduler } from './scheduler.js';

/** When every simulation begins. */
const startMs = Date.parse('2026-11-22T09:00:00.000Z');

/** Something that must not be. The first one ends the run. */
export interface SimulationFinding {
  /** A code of the audit, or one of the simulation's own; see docs/simulation.md. */
  readonly code: string;
  readonly message: string;
  /** The client's step after which it was found. */
  readonly step: number;
  readonly at: Instant;
}

interface WorldOptions {
  readonly seed: number;
  readonly withoutFaults: ReadonlySet<FaultKind>;
  /** Told everything that happens, for people. */
  readonly onTrace: ((line: string) => void) | undefined;
}

/** What all parts of one simulation share: time, chance, faults, and what was found. */
export class World {
  readonly scheduler = new Scheduler(startMs);
  readonly faults: Faults;
  /** How long things take. */
  readonly latency: Random;
  readonly findings: SimulationFinding[] = [];
  /** How often each interesting thing happened; see branches.ts. */
  readonly branches = new Map<string, number>();
  /** The client's steps taken so far. */
  step = 0;
  #fingerprint = 0x811c9dc5;

  constructor(private readonly options: WorldOptions) {
    this.faults = new Faults(this.random('faults'), options.withoutFaults);
    this.latency = this.random('latency');
  }

  /** True time; each process has a clock of its own. */
  readonly clock: Clock = {
    now: () => toInstant(this.scheduler.nowMs),
    nowMs: () => this.scheduler.nowMs,
  };

  /** Numbers of this run for one purpose. */
  random(purpose: string): Random {
    return new Random(this.options.seed, purpose);
  }

  /** One number for everything that has happened: equal runs have equal ones. */
  get fingerprint(): number {
    return this.#fingerprint;
  }

  /** Adds what happened to the fingerprint. */
  mark(text: string): void {
    this.#fingerprint = hashText(text, this.#fingerprint ^ this.scheduler.turns);
  }

  /** A line of the trace, made only if somebody reads it. */
  trace(line: () => string): void {
    if (!this.options.onTrace) return;
    const seconds = ((this.scheduler.nowMs - startMs) / 1000).toFixed(3).padStart(9);
    this.options.onTrace(`${seconds} s  step ${String(this.step).padStart(4)}  ${line()}`);
  }

  /** Whether a fault happens now; if so, the trace tells. */
  strikes(kind: FaultKind, share: number, where: string): boolean {
    if (!this.faults.strikes(kind, share)) return false;
    this.trace(() => `FAULT ${kind}: ${where}`);
    this.mark(kind);
    return true;
  }

  find(code: string, message: string): void {
    this.findings.push({ code, message, step: this.step, at: this.clock.now() });
    this.trace(() => `FINDING ${code}: ${message}`);
  }

  /** Something interesting happened. */
  saw(branch: string): void {
    this.branches.set(branch, (this.branches.get(branch) ?? 0) + 1);
  }

  /** What comes back to somebody after a while, unless that one is dead by then. */
  later<Value>(life: Life, delayMs: number, value: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        try {
          resolve(value());
        } catch (error) {
          reject(error);
        }
      };
      this.scheduler.after(delayMs, settle, life);
    });
  }

  /** Time on the wire or in a server, ms: short as a rule, now and then long. */
  delayMs(): number {
    if (this.latency.chance(0.03)) return this.latency.between(100, 1_500);
    return this.latency.between(0, 8);
  }
}
