/**
 * How many events a second the projections write into read models, from a log in memory. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InMemoryEventStore } from '../src/event-store/in-memory/in-memory-event-store.js';
import { allProjections } from '../src/projections/all-projections.js';
import { ProjectionRunner } from '../src/projections/engine/runner.js';
import { openReadModels } from '../src/projections/open-read-models.js';
import { appendJourney, eventsPerJourney, publishConcert } from './projection/journeys.js';

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

const timeoutMs = 600_000;

async function main(): Promise<void> {
  const journeys = Number(values.journeys);
  const store = new InMemoryEventStore();
  const concert = await publishConcert(store, 50);
  for (let index = 0; index < journeys; index++) await appendJourney(store, concert, index);

  mkdirSync(values.folder, { recursive: true });
  const folder = mkdtempSync(join(values.folder, 'projection-'));
  const models = await openReadModels(
    values.url === undefined ? { file: join(folder, 'read.sqlite') } : { url: values.url },
  );
  const runner = new ProjectionRunner({
    store,
    dataSource: models.write,
    dialect: models.dialect,
    projections: allProjections,
    ...(values.batch === undefined ? {} : { batchSize: Number(values.batch) }),
  });
  try {
    const head = (await store.head()) ?? 0;
    const startedAt = performance.now();
    runner.start();
    const done = await runner.waitFor(head, { timeoutMs });
    if (!done) throw new Error(`not done: ${JSON.stringify(await runner.status())}`);
    const seconds = (performance.now() - startedAt) / 1000;
    report({ events: journeys * eventsPerJourney, seconds });
  } finally {
    await runner.stop();
    await models.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report({ events, seconds }: { events: number; seconds: number }): void {
  const eventsPerSecond = Math.round(events / seconds);
  if (values.json) console.log(JSON.stringify({ events, seconds, eventsPerSecond }));
  else console.log(`${events} booking events in ${seconds.toFixed(2)} s: ${eventsPerSecond} a second`);
}

await main();
