import { type Instant, toInstant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import { type FaultKind, Faults } from './faults.js';
import { hashText, Random } from './random.js';
import { type Life, Scheduler } from './scheduler.js';

/** When every simulation begins. */
const startMs = Date.parse('2026-11-22T09:00:00.000Z');

/** A violation. The first one ends the run. */
export interface SimulationFinding {
  /** A code of the audit or of the simulation; see docs/simulation.md. */
  readonly code: string;
  readonly message: string;
  /** The step of the clients after which it was found. */
  readonly step: number;
  readonly at: Instant;
}

interface WorldOptions {
  readonly seed: number;
  readonly withoutFaults: ReadonlySet<FaultKind>;
  /** Called with a line of text for everything that happens. */
  readonly onTrace: ((line: string) => void) | undefined;
}

/** What all parts of one simulation share: time, randomness, faults and findings. */
export class World {
  readonly scheduler = new Scheduler(startMs);
  readonly faults: Faults;
  /** Randomness of delays. */
  readonly latency: Random;
  readonly findings: SimulationFinding[] = [];
  /** How often each branch was reached; see branches.ts. */
  readonly branches = new Map<string, number>();
  /** Steps of the clients so far. */
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

  /** A random generator of this run for one purpose. */
  random(purpose: string): Random {
    return new Random(this.options.seed, purpose);
  }

  /** A hash of everything that has happened: equal runs have equal ones. */
  get fingerprint(): number {
    return this.#fingerprint;
  }

  /** Adds what happened to the fingerprint. */
  mark(text: string): void {
    this.#fingerprint = hashText(text, this.#fingerprint ^ this.scheduler.turns);
  }

  /** Writes a line of the trace; `line` is called only when tracing is on. */
  trace(line: () => string): void {
    if (!this.options.onTrace) return;
    const seconds = ((this.scheduler.nowMs - startMs) / 1000).toFixed(3).padStart(9);
    this.options.onTrace(`${seconds} s  step ${String(this.step).padStart(4)}  ${line()}`);
  }

  /** Whether a fault strikes now; if so, it is traced and counted. */
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

  /** Counts a branch. */
  saw(branch: string): void {
    this.branches.set(branch, (this.branches.get(branch) ?? 0) + 1);
  }

  /** Resolves with a value after a delay; never, when its owner is dead by then. */
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
