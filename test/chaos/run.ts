import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import type { ChaosOffice, Mode } from './chaos-office.js';
import { Cluster } from './cluster.js';
import { clusterFaults } from './cluster-faults.js';
import { type CycleResult, type CycleSettings, runCycle } from './cycle.js';
import { embeddedFaults } from './embedded-faults.js';
import { EmbeddedOffice } from './embedded-office.js';
import type { Fault } from './faults.js';
import { Ledger } from './ledger.js';
import { Random } from './random.js';

/** A log that grows for ever would make the checks longer than the cycles. */
const cyclesPerOffice = 10;

export interface RunSettings extends CycleSettings {
  readonly cycles: number;
  /** Number of the first cycle: what happens in a cycle depends on the seed and its number. */
  readonly from: number;
  /** Fault names, or beginnings of them; none: all. */
  readonly faults: readonly string[];
  /** The database server of a cluster. */
  readonly database?: ServerKind | undefined;
}

/** One run of cycles in one mode. */
export class ChaosRun {
  #office: Promise<ChaosOffice> | undefined;
  #folder: string | undefined;

  constructor(
    private readonly mode: Mode,
    private readonly settings: RunSettings,
  ) {}

  /** The data of the office that is running or was found wrong. */
  get folder(): string | undefined {
    return this.#folder;
  }

  /** Runs the cycles, each yielded when it is over, until one has findings. */
  async *cycles(): AsyncGenerator<CycleResult> {
    if (this.mode === 'embedded') yield* this.#run(EmbeddedOffice, embeddedFaults);
    else yield* this.#run(Cluster, clusterFaults);
  }

  /** Ends every process. @param keep leaves the data where it is. */
  async close({ keep }: { readonly keep: boolean }): Promise<void> {
    const [opened, folder] = [this.#office, this.#folder];
    this.#office = undefined;
    // One that could not be opened has closed itself.
    const office = await opened?.catch(() => undefined);
    await office?.close();
    if (folder === undefined || keep) return;
    rmSync(folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  async *#run<Office extends ChaosOffice>(
    kind: { open(folder: string, settings: RunSettings): Promise<Office> },
    all: readonly Fault<Office>[],
  ): AsyncGenerator<CycleResult> {
    const { cycles, from, seed } = this.settings;
    const faults = chosen(all, this.settings.faults);
    for (let first = from; first < from + cycles; first += cyclesPerOffice) {
      const folder = mkdtempSync(join(tmpdir(), `boxoffice-chaos-${this.mode}-`));
      this.#folder = folder;
      const opening = kind.open(folder, this.settings);
      this.#office = opening;
      const office = await opening;
      const ledger = new Ledger(join(folder, 'ledger.jsonl'));
      const end = Math.min(first + cyclesPerOffice, from + cycles);
      for (let cycle = first; cycle < end; cycle++) {
        const result = await runCycle(cycle, office, faultOf(cycle, faults, seed), ledger, this.settings);
        yield result;
        if (result.findings.length > 0) return;
      }
      await this.close({ keep: false });
    }
  }
}

/** Those whose names are asked for; `kill` stands for `kill-api` and the others. */
export function chosen<Named extends { readonly name: string }>(
  faults: readonly Named[],
  names: readonly string[],
): Named[] {
  if (names.length === 0) return [...faults];
  return faults.filter(({ name }) =>
    names.some((wanted) => name === wanted || name.startsWith(`${wanted}-`)),
  );
}

/** Each fault once in a round, in an order that depends on the seed. */
function faultOf<Named>(cycle: number, faults: readonly Named[], seed: number): Named {
  const round = Math.floor(cycle / faults.length);
  const fault = new Random(seed, round, 1).shuffled(faults)[cycle % faults.length];
  if (fault === undefined) throw new Error('there is no fault to choose from');
  return fault;
}
