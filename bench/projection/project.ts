/** Projects a log in a process of its own, so that its memory is the projections' and the log's reader's. */
import { z } from 'zod';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { allProjections } from '../../src/projections/all-projections.js';
import { ProjectionRunner } from '../../src/projections/engine/runner.js';
import { openReadModels } from '../../src/projections/open-read-models.js';

/** What the process gets as its one message. */
export type ProjectionOrder = z.infer<typeof orderSchema>;

export interface ProjectionResult {
  readonly seconds: number;
  readonly peakBytes: number;
}

const orderSchema = z.object({
  log: z.string(),
  readModels: z.union([z.object({ file: z.string() }), z.object({ url: z.string() })]),
  batchSize: z.number().int().min(1).max(4_096).optional(),
});
const timeoutMs = 600_000;

process.once('message', async (message) => {
  process.send?.(await project(orderSchema.parse(message)));
  process.disconnect();
});

async function project({ log, readModels, batchSize }: ProjectionOrder): Promise<ProjectionResult> {
  const store = await openSqliteEventStore({ file: log });
  const models = await openReadModels(readModels);
  const runner = new ProjectionRunner({
    store,
    dataSource: models.write,
    dialect: models.dialect,
    projections: allProjections,
    ...(batchSize === undefined ? {} : { batchSize }),
  });
  try {
    const head = (await store.head()) ?? 0;
    const startedAt = performance.now();
    runner.start();
    const done = await runner.waitFor(head, { timeoutMs });
    if (!done) throw new Error(`not done: ${JSON.stringify(await runner.status())}`);
    const seconds = (performance.now() - startedAt) / 1000;
    return { seconds, peakBytes: process.resourceUsage().maxRSS * 1_024 };
  } finally {
    await runner.stop();
    await models.close();
    await store.close();
  }
}
