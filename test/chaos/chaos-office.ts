import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from '../../src/event-store/port.js';

export const modeNames = ['embedded', 'cluster'] as const;
/** One process on embedded engines, or several on EventStoreDB, MariaDB or MySQL, and Redis. */
export type Mode = (typeof modeNames)[number];

/** What the load and the checks need of an office. */
export interface ChaosOffice {
  readonly mode: Mode;
  readonly url: string;
  readonly config: { readonly ADMIN_KEY: string };
  /** The log itself, past the office; close it. */
  openLog(): Promise<EventStore>;
  /** Points that the payment system says were bought. */
  pointsBought(): Promise<number>;
  /** Ends every process. The data stays in the folder the office was given. */
  close(): Promise<void>;
}

/** As in production: the shorter intervals of other tests would hide how long the office takes. */
const timing = { ADMISSION_INTERVAL_MS: '200', SWEEP_INTERVAL_MS: '5000', RESUME_AFTER_MS: '10000' };

/** How to make the processes of an office misbehave from within. */
export class ChildFaults {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, 'control');
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Variables that a process must be started with. */
  get env(): Record<string, string> {
    const preload = new URL('./child-faults.mjs', import.meta.url).href;
    return {
      ...timing,
      LOG_LEVEL: 'warn',
      NODE_OPTIONS: `--import=${preload}`,
      CHAOS_CONTROL_DIR: this.#folder,
    };
  }

  /** @returns what ends it. */
  begin(
    pid: number,
    fault: { readonly clockShiftMs: number } | { readonly commitDelayMs: number },
  ): () => void {
    const file = join(this.#folder, `${pid}.json`);
    writeFileSync(file, JSON.stringify(fault));
    return () => rmSync(file, { force: true });
  }
}
