import { parentPort } from 'node:worker_threads';
import { runSeed } from './campaign.js';
import type { SimulationOptions } from './simulate.js';

// The other end is seed-worker.ts: one seed at a time comes in, its run goes out.
parentPort?.on('message', async (options: SimulationOptions) =>
  parentPort?.postMessage(await runSeed(options)),
);
