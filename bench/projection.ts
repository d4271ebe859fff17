/**
 * How many events a second the projections write into read models, and the memory they take. See bench/README.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { eventsPerJourney } from './projection/journeys.js';
import type { ProjectionOrder, ProjectionResult } from './projection/project.js';
import { writeLog } from './projection/write-log.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    /** `mysql://user:password@host:port/database`, an empty database; default an SQLite file. */
    url: { type: 'string' },
    journeys: { type: 'string', default: '20000' },
    /** Events of one transaction; default the runner's own. */
    batch: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const journeys = Number(values.journeys);
  mkdirSync(values.folder, { recursive: true });
  const folder = mkdtempSync(join(values.folder, 'bench-projection-'));
  try {
    const log = join(folder, 'events.db');
    await writeLog(log, journeys);
    report(journeys * eventsPerJourney, await project({ folder, log }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function project({ folder, log }: { folder: string; log: string }): Promise<ProjectionResult> {
  const order: ProjectionOrder = {
    log,
    readModels: values.url === undefined ? { file: join(folder, 'read.sqlite') } : { url: values.url },
    ...(values.batch === undefined ? {} : { batchSize: Number(values.batch) }),
  };
  const child = fork(fileURLToPath(new URL('./projection/project.js', import.meta.url)));
  child.send(order);
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the projections ended with ${code}`))),
  ]);
  return result as ProjectionResult; // the program answers with nothing else
}

function report(events: number, { seconds, peakBytes }: ProjectionResult): void {
  const eventsPerSecond = Math.round(events / seconds);
  if (values.json) {
    console.log(JSON.stringify({ events, seconds, eventsPerSecond, peakBytes }));
    return;
  }
  console.log(
    `${events} booking events in ${seconds.toFixed(2)} s: ${eventsPerSecond} a second, ` +
      `peak memory ${Math.round(peakBytes / 1_048_576)} MiB`,
  );
}

await main();
