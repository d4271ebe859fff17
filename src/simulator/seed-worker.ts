import { Worker } from 'node:worker_threads';
import type { RunSeed, SeedRun } from './run-seed.js';

/** A thread that runs seeds. */
export interface SeedWorker {
  readonly run: RunSeed;
  close(): Promise<unknown>;
}

/** Starts a thread of its own for seeds; needs a build, since threads load no TypeScript. */
export function startSeedWorker(): SeedWorker {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  return {
    run: (options) =>
      new Promise<SeedRun>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', (run: SeedRun) => {
          worker.off('error', reject);
          resolve(run);
        });
        worker.postMessage(options);
      }),
    close: () => worker.terminate(),
  };
}
