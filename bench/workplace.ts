import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const interrupted = 130;

/**
 * A folder for the files of one run, and the processes that end with it. Interrupted by Ctrl-C or SIGTERM, it ends them,
 * removes the folder and ends the process.
 */
export class Workplace {
  /** Its absolute path. */
  readonly folder: string;
  readonly #pids = new Set<number>();
  readonly #stops: (() => Promise<void>)[] = [];

  /** @param parent created if it is missing. */
  constructor(parent: string, name: string) {
    mkdirSync(parent, { recursive: true });
    this.folder = mkdtempSync(join(resolve(parent), `bench-${name}-`));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void this.clear().finally(() => process.exit(interrupted)));
    }
  }

  /** Has a process ended with the run, if it has not ended before. */
  endWith(child: {
    readonly pid?: number | undefined;
    once(event: 'exit', listener: () => void): unknown;
  }): void {
    const { pid } = child;
    if (pid === undefined) return;
    this.#pids.add(pid);
    child.once('exit', () => this.#pids.delete(pid));
  }

  /** Has servers stopped before the folder goes, in which they have their files. */
  stopWith(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  /** Kills what still runs, stops the servers and removes the folder. */
  async clear(): Promise<void> {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It has ended in this moment.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // what process.kill throws
      }
    }
    await Promise.all(this.#stops.map((stop) => stop()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
